"""A form whose row was changed concurrently: it is shown again with what was typed, beside the current values."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.text import capfirst

from core.errors import Stale

_MAX_LENGTH = 2_000


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field whose value in the form differs from that of the row."""

    label: str
    current: str
    typed: str


def with_error(form_class: type[forms.BaseModelForm], stale: Stale) -> type[forms.BaseModelForm]:  # type: ignore[type-arg]
    """Return the class of a form that is invalid because of this error."""

    class StaleForm(form_class):  # type: ignore[valid-type, misc]
        def clean(self) -> Any:
            cleaned = super().clean()
            self.add_error(
                None,
                f"It was modified concurrently and is now at version {stale.metadata['current_version']}. "
                "What you typed is kept: compare it with the current values, correct the form, and save again.",
            )
            return cleaned

    return StaleForm


def conflicts(form: Any) -> list[Conflict]:
    """Return the fields of a bound form that differ from the row as it is now."""
    return [
        Conflict(
            capfirst(str(bound.label)),
            _text(bound.field, bound.initial),
            _text(bound.field, bound.value()),
        )
        for bound in form
        if bound.name in form.changed_data
    ]


def _text(field: forms.Field, value: Any) -> str:
    if isinstance(field, forms.MultiValueField) and isinstance(value, list):
        return " ".join(str(part) for part in value if part)
    if isinstance(field, forms.ModelChoiceField):
        return ", ".join(_rows(field, value if isinstance(value, list | tuple) else [value]))
    if choices := getattr(field, "choices", None):
        names = {str(key): str(name) for key, name in choices}
        values = value if isinstance(value, list | tuple) else [value]
        return ", ".join(names.get(str(one), str(one)) for one in values)
    text = field.prepare_value(value)
    return "" if text is None else str(text)[:_MAX_LENGTH]


def _rows(field: Any, values: Iterable[Any]) -> Iterable[str]:
    wanted = [str(getattr(value, "pk", value)) for value in values if value not in (None, "")]
    try:
        found = {str(row.pk): str(row) for row in field.queryset.filter(pk__in=wanted)} if wanted else {}
    except (ValueError, forms.ValidationError):
        return wanted
    return [found.get(pk, pk) for pk in wanted]
