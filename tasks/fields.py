"""Model fields and rules that only tasks need."""

from collections.abc import Collection, Sequence
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models

from core.db.fields import PlainInMigrations
from core.errors import invalid
from core.texts import one_name, trimmed, validate_no_control_characters, validate_no_control_characters_but_breaks

MAX_LABELS = 50
MAX_LABEL_LENGTH = 50
MAX_METADATA_KEYS = 50
MAX_METADATA_BYTES = 8 * 1024


def validate_labels(labels: Sequence[str]) -> None:
    """At most 50, none twice, each of 1 to 50 characters."""
    if len(labels) > MAX_LABELS:
        raise ValidationError(f"Give at most {MAX_LABELS} labels.", code="max_items")
    if len(set(labels)) < len(labels):
        raise ValidationError("Give each label once.", code="duplicate")
    for label in labels:
        if not 0 < len(label) <= MAX_LABEL_LENGTH:
            raise ValidationError(f"A label has 1 to {MAX_LABEL_LENGTH} characters.", code="max_length")
        validate_no_control_characters(label)


def are_metadata(metadata: Any) -> None:
    """Texts by name: at most 50, and 8 KB of UTF-8 in all, names included."""
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for pair in metadata.items() for text in pair):
        raise ValidationError("Metadata are pairs of a name and a text.", code="type")
    if len(metadata) > MAX_METADATA_KEYS:
        raise ValidationError(f"Give at most {MAX_METADATA_KEYS} metadata.", code="max_items")
    if sum(len(text.encode()) for pair in metadata.items() for text in pair) > MAX_METADATA_BYTES:
        raise ValidationError(f"Metadata hold at most {MAX_METADATA_BYTES} bytes in all.", code="max_length")
    for name, text in metadata.items():
        if not trimmed(name):
            raise ValidationError("Give each of the metadata a name.", code="required")
        validate_no_control_characters(name)
        validate_no_control_characters_but_breaks(text)


def labels_to_find(labels: Collection[str]) -> frozenset[str]:
    """What a task's labels are compared with to find those that have one of these.

    Raises:
        ValidationError: on `labels`: too many, or one that no label can be.
    """
    if len(labels) > MAX_LABELS:
        raise invalid("labels", "max_items", f"Give at most {MAX_LABELS} labels.")
    try:
        for label in labels:
            validate_no_control_characters(label)
    except ValidationError as exc:
        raise ValidationError({"labels": exc.error_list}) from exc
    # Tasks from before labels had one form keep what was typed.
    return frozenset([*map(one_name, labels), *(label.strip() for label in labels)])


class LabelsField(PlainInMigrations, ArrayField):  # type: ignore[type-arg]
    """A task's labels in the form that is compared, in the order they were given (see `validate_labels`)."""

    plain = "django.contrib.postgres.fields.ArrayField"
    default_validators = [validate_labels]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("base_field", models.TextField())
        super().__init__(*args, **kwargs)

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return [one_name(label) if isinstance(label, str) else label for label in value] if value else value

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        """By the rule alone: the base field's would tell less, under a code of its own."""


class MetadataField(PlainInMigrations, models.JSONField):
    """What programs note on a task (see `are_metadata`)."""

    plain = "django.db.models.JSONField"
    default_validators = [are_metadata]
