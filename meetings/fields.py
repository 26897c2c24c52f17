"""Model fields and rules that only meetings need."""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models

from core.db.fields import PlainInMigrations, SingleLineField

MAX_PARTICIPANTS = 500
_MAX_LANGUAGE_LENGTH = 3
_LANGUAGE = "Give the language in two or three letters of ISO 639, as in en."


def are_participants(participants: Sequence[UUID]) -> None:
    """At most 500, none twice. Whether there are such users is for the database to keep."""
    if len(participants) > MAX_PARTICIPANTS:
        raise ValidationError(f"Name at most {MAX_PARTICIPANTS} participants.", code="max_items")
    if len(set(participants)) < len(participants):
        raise ValidationError("Name each participant once.", code="duplicate")


def validate_language(code: str) -> None:
    """Two or three letters, as ISO 639 has them; of what is too long the length alone is told."""
    if len(code) <= _MAX_LANGUAGE_LENGTH and not re.fullmatch(r"[a-z]{2,3}", code):
        raise ValidationError(_LANGUAGE, code="language")


class ParticipantsField(PlainInMigrations, ArrayField):  # type: ignore[type-arg]
    """The ids of those who take part, in the order they were given."""

    plain = "django.contrib.postgres.fields.ArrayField"
    default_validators = [are_participants]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("base_field", models.UUIDField())
        super().__init__(*args, **kwargs)

    def formfield(self, **kwargs: Any) -> Any:
        """What was there before is read from the row: the default is a function, for which Django asks the page."""
        return super().formfield(**{**kwargs, "show_hidden_initial": False})


class Language(SingleLineField):
    """A language; empty where it is not known."""

    default_validators = [*SingleLineField.default_validators, validate_language]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": _MAX_LANGUAGE_LENGTH, "blank": True, "default": "", **kwargs})
        for validator in self.validators:
            if isinstance(validator, MaxLengthValidator):
                validator.message = _LANGUAGE
