"""A form whose row was changed concurrently: it is shown again, and its user chooses for each field what is kept."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Model
from django.http import QueryDict
from django.utils.text import capfirst

from core.errors import Stale

#: The choices: the value of the row, or that of the form.
CURRENT, TYPED = "current", "typed"
#: The users that have changed a field, as the page states it.
BY_ANOTHER, BY_USER, BY_BOTH = "by another user", "by you", "by both"
_MAX_LENGTH = 2_000


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field whose value in the form differs from that of the row.

    Attributes:
        kept: CURRENT or TYPED; empty = the user has to choose.
        changed_by: who changed the value since the form was opened; empty = not known.
    """

    name: str
    label: str
    current: str
    typed: str
    kept: str
    changed_by: str = ""


def choices(posted: QueryDict) -> dict[str, str]:
    """Return the choices of a posted form: the name of the field → CURRENT, TYPED, or empty without a choice."""
    found = {name: posted.get(f"keep_{name}", "") for name in posted.getlist("differs")}
    return {name: kept if kept in (CURRENT, TYPED) else "" for name, kept in found.items()}


def with_error(form_class: type[forms.BaseModelForm], stale: Stale) -> type[forms.BaseModelForm]:  # type: ignore[type-arg]
    """Return the class of a form that is invalid because of this error."""

    class StaleForm(form_class):  # type: ignore[valid-type, misc]
        def clean(self) -> Any:
            cleaned = super().clean()
            self.add_error(
                None,
                f"It was modified concurrently and is now at version {stale.metadata['current_version']}. "
                "What you typed is kept: choose for each field below which value is kept, and save again.",
            )
            return cleaned

    return StaleForm


def merged(form_class: type[forms.BaseModelForm], chosen: Mapping[str, str]) -> type[forms.BaseModelForm]:  # type: ignore[type-arg]
    """Return the class of a form that changes no field for which CURRENT was chosen, and that needs a choice of all."""

    class MergedForm(form_class):  # type: ignore[valid-type, misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            for name, kept in chosen.items():
                if kept == CURRENT and name in self.fields:
                    # A disabled field has the value of the row and ignores what is posted.
                    self.fields[name].disabled = True

        def clean(self) -> Any:
            cleaned = super().clean()
            for name, kept in chosen.items():
                if not kept and name in self.fields:
                    self.add_error(name, "Choose above which value is kept.")
            return cleaned

    return MergedForm


def conflicts(form: Any, chosen: Mapping[str, str], old: Mapping[str, Any] | None) -> list[Conflict]:
    """Return the fields of a bound form that differ from the row as it is now.

    Args:
        chosen: what the user has chosen before.
        old: columns that were changed since the form was opened → what they were then; None = it is not known.
    """
    return [_conflict(form, bound, chosen.get(bound.name, ""), old) for bound in _differing(form)]


def conflicts_again(form: Any, chosen: Mapping[str, str]) -> list[Conflict]:
    """Return the fields that the user was asked about, for a form that is shown again because of other errors."""
    return [
        Conflict(bound.name, *_texts(bound), chosen[bound.name]) for bound in _differing(form) if bound.name in chosen
    ]


def _differing(form: Any) -> Iterator[Any]:
    for bound in form:
        bound.field.disabled = False  # The form shows what was typed, as the user may choose again.
        if bound.field.has_changed(bound.initial, bound.data):
            yield bound


def _conflict(form: Any, bound: Any, chosen: str, old: Mapping[str, Any] | None) -> Conflict:
    texts = _texts(bound)
    if old is None:
        return Conflict(bound.name, *texts, chosen or TYPED)
    before, is_changed = _before(form.instance, bound, old)
    if not bound.field.has_changed(before, bound.data):
        return Conflict(bound.name, *texts, chosen or CURRENT, BY_ANOTHER)
    if not is_changed:
        return Conflict(bound.name, *texts, chosen or TYPED, BY_USER)
    return Conflict(bound.name, *texts, chosen, BY_BOTH)


def _before(row: Model, bound: Any, old: Mapping[str, Any]) -> tuple[Any, bool]:
    """Return the value that the form was opened with, and whether it was changed since."""
    field: Any = next((one for one in row._meta.concrete_fields if one.name == bound.name), None)
    if field is None or field.column not in old:
        return bound.initial, False
    return field.to_python(old[field.column]), True


def _texts(bound: Any) -> tuple[str, str, str]:
    """Return the label of a field, and its values in the row and in the form."""
    values = (_text(bound.field, value) for value in (bound.initial, bound.value()))
    return (capfirst(str(bound.label)), *values)  # type: ignore[return-value]


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
