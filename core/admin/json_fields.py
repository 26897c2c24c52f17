"""JSON in forms: bounded, and an error on the field where the database would refuse it."""

import math
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput

MAX_TEXT_LENGTH = 256 * 1024
DEEPEST = 50


class BoundedJsonField(forms.JSONField):
    """A JSON field that no text can break: too long, nested too deeply, or with values that are no JSON."""

    def to_python(self, value: Any) -> Any:
        """The value of a text.

        Raises:
            ValidationError
        """
        if isinstance(value, str) and len(value) > MAX_TEXT_LENGTH:
            raise ValidationError(f"This JSON is longer than {MAX_TEXT_LENGTH:,} characters.", code="max_length")
        try:
            parsed = super().to_python(value)
        except (RecursionError, ValueError) as exc:  # The second: a number of too many digits.
            raise self._invalid(value) from exc
        _check(parsed)
        return parsed

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What the form shows again of what was posted."""
        try:
            self.to_python(data)
            return super().bound_data(data, initial)
        except ValidationError:
            return None if data is None else InvalidJSONInput(data)

    def _invalid(self, value: Any) -> ValidationError:
        return ValidationError(self.error_messages["invalid"], code="invalid", params={"value": str(value)[:100]})


def _check(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise ValidationError(f"This JSON is nested more than {DEEPEST} levels deep.", code="depth")
        inner: list[Any] = []
        for one in level:
            if isinstance(one, float) and not math.isfinite(one):
                raise ValidationError("JSON knows no NaN and no infinity.", code="invalid")
            if isinstance(one, str) and ("\0" in one or any("\ud800" <= character <= "\udfff" for character in one)):
                raise ValidationError("This JSON holds a character that is no text.", code="characters")
            if isinstance(one, dict):
                inner += [*one.keys(), *one.values()]
            elif isinstance(one, list):
                inner += one
        level = inner
