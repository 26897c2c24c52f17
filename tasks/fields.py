"""Model fields and validators of tasks."""

import datetime
import re
import string
import threading
import time
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

#: In the order of their codes, which is that of the column (collation "C").
DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
MAX_RANK_LENGTH = 200
#: Digits of a number of microseconds since 1970; enough until 2398.
_TIME_DIGITS = 9
#: The middle digit, so that there are ranks before and after, and none ends in 0.
_END = "V"
_RANK = re.compile(r"[0-9A-Za-z]*[1-9A-Za-z]")

_lock = threading.Lock()
_last = 0


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


def new_rank() -> str:
    """Make the rank of a new task, which is greater than each rank that this process made before."""
    global _last
    with _lock:
        _last = max(_last + 1, time.time_ns() // 1000)
        return _of_microseconds(_last)


def rank_at(moment: datetime.datetime) -> str:
    """Return the rank of a task that was created at this time, before there were ranks (migration 0007)."""
    since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return _of_microseconds(since // datetime.timedelta(microseconds=1))


def validate_rank(rank: str) -> None:
    """Reject a text that is not a valid fraction, or ends in 0, so that it has another spelling."""
    if not _RANK.fullmatch(rank):
        raise ValidationError("A rank consists of the digits 0-9, A-Z and a-z, and does not end in 0.", code="invalid")


def _of_microseconds(number: int) -> str:
    digits = ""
    for _ in range(_TIME_DIGITS):
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits + _END


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


class RankField(PlainInMigrations, models.CharField):  # type: ignore[type-arg]
    """A task's place in an order that people make, as in a column of a board.

    It is a fraction in base 62 without its "0.". Between two of them there is always another one, so a task is moved by
    a write of its own row alone. A new task has the time as its rank, so it comes after all others without a look at
    them.
    """

    plain = "django.db.models.CharField"
    default_validators = [validate_rank]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": MAX_RANK_LENGTH, "default": new_rank, "db_collation": "C", **kwargs})


class MetadataField(PlainInMigrations, models.JSONField):
    """Texts that client programs store with a task (see `validate_metadata`)."""

    plain = "django.db.models.JSONField"
    default_validators = [validate_metadata]
