"""Model fields with the rules that most texts share: trimmed, bounded, and without control characters."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, URLValidator
from django.db import models

from core.db.ids import uuid7
from core.mail_addresses import canonical, canonical_or_as_sent
from core.texts import one_line, trimmed, validate_no_control_characters, validate_no_control_characters_but_breaks


def validate_email_address(value: str) -> None:
    """Reject a text that is not an e-mail address that mail can be sent to."""
    canonical(value)


class PlainInMigrations:
    """A field that migrations store as Django's base field, so that old migrations do not import the rules of today."""

    plain: str

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()  # type: ignore[misc]
        for rule in ("validators", "error_messages"):
            kwargs.pop(rule, None)
        if getattr(kwargs.get("default"), "__module__", "builtins") != "builtins":
            del kwargs["default"]
        return name, self.plain, args, kwargs


class Id(PlainInMigrations, models.UUIDField):  # type: ignore[type-arg]
    """A primary key: a UUIDv7, made by Python."""

    plain = "django.db.models.UUIDField"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"primary_key": True, "default": uuid7, "editable": False, **kwargs})


class SingleLineField(PlainInMigrations, models.CharField):  # type: ignore[type-arg]
    """One line of text, trimmed, in NFC."""

    plain = "django.db.models.CharField"
    default_validators = [validate_no_control_characters]

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return one_line(value) if isinstance(value, str) else value


class MultiLineField(PlainInMigrations, models.TextField):  # type: ignore[type-arg]
    """Text of many lines, trimmed; `max_length` is in characters."""

    plain = "django.db.models.TextField"
    default_validators = [validate_no_control_characters_but_breaks]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.max_length is not None:
            # TextField checks its length only in forms.
            self.validators.append(MaxLengthValidator(self.max_length))

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return trimmed(value) if isinstance(value, str) else value


class EmailAddress(SingleLineField):
    """An e-mail address in its canonical form (`core.mail_addresses`), so that a unique address is a unique mailbox."""

    default_validators = [*SingleLineField.default_validators, validate_email_address]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 254)
        super().__init__(*args, **kwargs)

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return canonical_or_as_sent(value) if isinstance(value, str) else value


class WebAddress(SingleLineField):
    """An http or https URL."""

    default_validators = [
        *SingleLineField.default_validators,
        URLValidator(schemes=["http", "https"], message="Enter an http or https address.", code="url"),
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 500)
        super().__init__(*args, **kwargs)


def checked_line(name: str, value: str, max_length: int) -> str:
    """Check a value by the rules of a `SingleLineField` and return it trimmed; for values that no model stores.

    Raises:
        ValidationError: on the field `name`.
    """
    try:
        return SingleLineField(max_length=max_length, blank=True).clean(value, None)  # type: ignore[no-any-return]
    except ValidationError as exc:
        raise ValidationError({name: exc.error_list}) from exc
