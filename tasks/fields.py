"""Model fields and validators of tasks."""

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
    """Reject more than 50 labels, duplicates, and labels without 1 to 50 characters."""
    if len(labels) > MAX_LABELS:
        raise ValidationError(f"Give at most {MAX_LABELS} labels.", code="max_items")
    if len(set(labels)) < len(labels):
        raise ValidationError("Give each label once.", code="duplicate")
    for label in labels:
        if not 0 < len(label) <= MAX_LABEL_LENGTH:
            raise ValidationError(f"A label must have 1 to {MAX_LABEL_LENGTH} characters.", code="max_length")
        validate_no_control_characters(label)


def validate_metadata(metadata: Any) -> None:
    """Reject what is not texts by name, more than 50 pairs, and more than 8 KiB of UTF-8 in all, names included."""
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for pair in metadata.items() for text in pair):
        raise ValidationError("Metadata must be pairs of a name and a text.", code="type")
    if len(metadata) > MAX_METADATA_KEYS:
        raise ValidationError(f"Give at most {MAX_METADATA_KEYS} metadata pairs.", code="max_items")
    if sum(len(text.encode()) for pair in metadata.items() for text in pair) > MAX_METADATA_BYTES:
        raise ValidationError(f"Metadata may have at most {MAX_METADATA_BYTES} bytes in all.", code="max_length")
    for name, text in metadata.items():
        if not trimmed(name):
            raise ValidationError("Give each metadata pair a name.", code="required")
        validate_no_control_characters(name)
        validate_no_control_characters_but_breaks(text)


def labels_to_find(labels: Collection[str]) -> frozenset[str]:
    """Return the labels to be compared with those of tasks, in order to find the tasks with any of these labels.

    Raises:
        ValidationError: on `labels`: too many, or one with control characters.
    """
    if len(labels) > MAX_LABELS:
        raise invalid("labels", "max_items", f"Give at most {MAX_LABELS} labels.")
    try:
        for label in labels:
            validate_no_control_characters(label)
    except ValidationError as exc:
        raise ValidationError({"labels": exc.error_list}) from exc
    # Tasks that are older than the normalisation of labels keep the labels as typed.
    return frozenset([*map(one_name, labels), *(label.strip() for label in labels)])


class LabelsField(PlainInMigrations, ArrayField):  # type: ignore[type-arg]
    """A task's labels in normalised form, in the order in which the client gave them (see `validate_labels`)."""

    plain = "django.contrib.postgres.fields.ArrayField"
    default_validators = [validate_labels]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("base_field", models.TextField())
        super().__init__(*args, **kwargs)

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return [one_name(label) if isinstance(label, str) else label for label in value] if value else value

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        """Skip the base field's validation. Its messages are less specific than those of `validate_labels`."""


class MetadataField(PlainInMigrations, models.JSONField):
    """Texts that client programs store with a task (see `validate_metadata`)."""

    plain = "django.db.models.JSONField"
    default_validators = [validate_metadata]
