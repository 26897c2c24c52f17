"""Model fields and validators of meetings."""

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


def validate_participants(participants: Sequence[UUID]) -> None:
    """Reject more than 500 ids, and duplicates. The database checks that the users exist."""
    if len(participants) > MAX_PARTICIPANTS:
        raise ValidationError(f"Name at most {MAX_PARTICIPANTS} participants.", code="max_items")
    if len(set(participants)) < len(participants):
        raise ValidationError("Name each participant once.", code="duplicate")


def validate_language(code: str) -> None:
    """Reject what is not two or three letters, as in ISO 639. The length validator reports longer texts."""
    if len(code) <= _MAX_LANGUAGE_LENGTH and not re.fullmatch(r"[a-z]{2,3}", code):
        raise ValidationError(_LANGUAGE, code="language")


class ParticipantsField(PlainInMigrations, ArrayField):  # type: ignore[type-arg]
    """The ids of the participants, in the order in which the client gave them."""

    plain = "django.contrib.postgres.fields.ArrayField"
    default_validators = [validate_participants]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("base_field", models.UUIDField())
        super().__init__(*args, **kwargs)

    def formfield(self, **kwargs: Any) -> Any:
        """Return a form field without a hidden initial value, which Django adds because the default is callable."""
        return super().formfield(**{**kwargs, "show_hidden_initial": False})


class Language(SingleLineField):
    """An ISO 639 language code; empty = unknown."""

    default_validators = [*SingleLineField.default_validators, validate_language]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": _MAX_LANGUAGE_LENGTH, "blank": True, "default": "", **kwargs})
        for validator in self.validators:
            if isinstance(validator, MaxLengthValidator):
                validator.message = _LANGUAGE
