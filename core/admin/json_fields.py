"""JSON in forms: bounded, with an error on the field where the database would reject it."""

import math
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput

MAX_JSON_LENGTH = 256 * 1024
DEEPEST = 50


class BoundedJsonField(forms.JSONField):
    """A JSON field that rejects texts that are too long, too deeply nested, or have values that JSON does not allow."""

    def to_python(self, value: Any) -> Any:
        """Parse a text.

        Raises:
            ValidationError: the text is not valid JSON, or exceeds a limit.
        """
        if isinstance(value, str) and len(value) > MAX_JSON_LENGTH:
            raise ValidationError(f"This JSON is longer than {MAX_JSON_LENGTH:,} characters.", code="max_length")
        try:
            parsed = super().to_python(value)
        except (RecursionError, ValueError) as exc:  # ValueError: a number has too many digits.
            raise self._invalid(value) from exc
        _check(parsed)
        return parsed

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return the value that the form shows again after a post."""
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
                raise ValidationError("JSON does not allow NaN or infinity.", code="invalid")
            if isinstance(one, str) and ("\0" in one or any("\ud800" <= character <= "\udfff" for character in one)):
                raise ValidationError("This JSON holds an invalid character (NUL or a surrogate).", code="characters")
            if isinstance(one, dict):
                inner += [*one.keys(), *one.values()]
            elif isinstance(one, list):
                inner += one
        level = inner
