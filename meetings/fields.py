"""Model fields and validators of meetings."""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.forms import Textarea

from core.db.fields import PlainInMigrations, SingleLineField
from core.texts import one_name, validate_no_control_characters

MAX_PARTICIPANTS = 500
MAX_VOCABULARY = 500
MAX_PHRASE_LENGTH = 100
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


def validate_vocabulary(phrases: Sequence[str]) -> None:
    """Reject more than 500 phrases, duplicates that differ at most in case, and phrases without 1 to 100 characters."""
    if len(phrases) > MAX_VOCABULARY:
        raise ValidationError(f"Give at most {MAX_VOCABULARY} words or phrases.", code="max_items")
    known: set[str] = set()
    for place, phrase in enumerate(phrases, 1):
        if not 0 < len(phrase) <= MAX_PHRASE_LENGTH:
            raise ValidationError(
                f"Each word or phrase must have 1 to {MAX_PHRASE_LENGTH} characters; number {place} has {len(phrase)}.",
                code="max_length",
            )
        validate_no_control_characters(phrase)
        if phrase.casefold() in known:
            raise ValidationError(f"Give each word or phrase once; number {place} is repeated.", code="duplicate")
        known.add(phrase.casefold())


class ParticipantsField(PlainInMigrations, ArrayField):  # type: ignore[type-arg]
    """The ids of the participants, in the order in which the client gave them."""

    plain = "django.contrib.postgres.fields.ArrayField"
    default_validators = [validate_participants]
    #: Its ids are those of users, so that the change log can name them.
    names_users = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("base_field", models.UUIDField())
        super().__init__(*args, **kwargs)

    def formfield(self, **kwargs: Any) -> Any:
        """Return a form field without a hidden initial value, which Django adds because the default is callable."""
        return super().formfield(**{**kwargs, "show_hidden_initial": False})


class VocabularyField(PlainInMigrations, ArrayField):  # type: ignore[type-arg]
    """Words and phrases in normalised form, in the order in which the client gave them (see `validate_vocabulary`)."""

    plain = "django.contrib.postgres.fields.ArrayField"
    default_validators = [validate_vocabulary]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("base_field", models.TextField())
        super().__init__(*args, **kwargs)

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return [one_name(phrase) if isinstance(phrase, str) else phrase for phrase in value] if value else value

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        """Skip the base field's validation. Its messages are less specific than those of `validate_vocabulary`."""

    def formfield(self, **kwargs: Any) -> Any:
        """Return a form field with one phrase a line."""
        own = {"form_class": LinesField, "show_hidden_initial": False, "help_text": "One a line."}
        return super().formfield(**{"widget": Textarea, **kwargs, **own})


class LinesField(SimpleArrayField):
    """A form field for a list of texts, one a line. Empty lines are ignored."""

    def __init__(self, base_field: Any, **kwargs: Any) -> None:
        super().__init__(base_field, delimiter="\n", **kwargs)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            value = "\n".join(line for line in value.splitlines() if line.strip())
        return super().to_python(value)


class Language(SingleLineField):
    """An ISO 639 language code; empty = unknown."""

    default_validators = [*SingleLineField.default_validators, validate_language]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": _MAX_LANGUAGE_LENGTH, "blank": True, "default": "", **kwargs})
        for validator in self.validators:
            if isinstance(validator, MaxLengthValidator):
                validator.message = _LANGUAGE
