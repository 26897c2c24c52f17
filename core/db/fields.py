"""Model fields that state the rules most texts share: trimmed, bounded, and free of control characters."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, URLValidator
from django.db import models

from core.db.ids import uuid7
from core.mail_addresses import canonical, canonical_or_as_sent
from core.texts import no_control_characters_but_breaks, one_line, trimmed, validate_no_control_characters


def has_canonical_form(value: str) -> None:
    """Refuse a text that is no e-mail address mail can be sent to."""
    canonical(value)


class PlainInMigrations:
    """A field that migrations know as Django's own: rules are Python's business, old migrations import none of it."""

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
    default_validators = [no_control_characters_but_breaks]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.max_length is not None:
            # TextField leaves its length to forms.
            self.validators.append(MaxLengthValidator(self.max_length))

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return trimmed(value) if isinstance(value, str) else value


class EmailAddress(SingleLineField):
    """An e-mail address in its canonical form (`core.mail_addresses`); unique then means: one mailbox."""

    default_validators = [*SingleLineField.default_validators, has_canonical_form]

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
    """The value by the rules of a `SingleLineField`, trimmed; for what a call carries and no model stores.

    Raises:
        ValidationError: on the field `name`.
    """
    try:
        return SingleLineField(max_length=max_length, blank=True).clean(value, None)  # type: ignore[no-any-return]
    except ValidationError as exc:
        raise ValidationError({name: exc.error_list}) from exc
