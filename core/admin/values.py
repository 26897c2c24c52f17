"""Values of rows as the pages show them, and the read-only parts of forms as plain lists.

django-unfold evaluates each read-only field five times, and surrounds it by a kilobyte of HTML.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import (
    display_for_field,
    display_for_value,
    flatten,
    help_text_for_field,
    label_for_field,
    lookup_field,
)
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html, linebreaks
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.admin import ModelAdmin

_EMPTY = "-"


@dataclass(frozen=True, slots=True)
class Facts:
    """A read-only part of a form: its title, and the label, value and explanation of each field."""

    title: str
    is_collapsed: bool
    fields: Sequence[tuple[str, str, str]]


def take_facts(form: Any, row: Model, model_admin: ModelAdmin) -> Iterator[Facts]:
    """Remove the parts of an admin form that are read-only as a whole, and yield them."""
    kept = []
    meta = form.form._meta
    for title, options in form.fieldsets:
        names = flatten(options["fields"])
        if not set(names) <= set(form.readonly_fields):
            kept.append((title, options))
            continue
        fields = [
            (
                capfirst(
                    str((meta.labels or {}).get(name) or label_for_field(name, type(row), model_admin, form=form.form))
                ),
                _in_lines(value_of(row, name, model_admin)),
                str((meta.help_texts or {}).get(name) or help_text_for_field(name, type(row))),
            )
            for name in names
        ]
        yield Facts(str(title or ""), "collapse" in options.get("classes", ()), fields)
    form.fieldsets = kept


def value_of(row: Model, name: str, model_admin: Any) -> str:
    """Return the value of a column, or of a method of the admin, as text or HTML, with a link to a related row."""
    value, text = found(row, name, model_admin)
    if isinstance(value, Model) and (link := page_of(value)):
        return format_html('<a class="text-link" href="{}">{}</a>', link, text)
    return text


def found(row: Model, name: str, model_admin: Any) -> tuple[Any, str]:
    """Return the value of a column, or of a method of the admin, and its text or HTML."""
    try:
        field, attribute, value = lookup_field(name, row, model_admin)
    except ObjectDoesNotExist:
        return None, _EMPTY
    if isinstance(value, bool):
        return value, "yes" if value else "no"
    if isinstance(value, Model):
        return value, str(value)
    if value is None:
        return value, _EMPTY
    if field is None:
        return value, display_for_value(value, getattr(attribute, "empty_value_display", _EMPTY))
    if field.many_to_many:
        return value, ", ".join(map(str, value.all())) or _EMPTY
    return value, display_for_field(value, field, _EMPTY)


def page_of(row: Model) -> str:
    """Return the address of the page of a row; empty if it has none."""
    meta = row._meta
    if not admin.site.is_registered(type(row)):
        return ""
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


def _in_lines(value: str) -> str:
    if isinstance(value, SafeString) or "\n" not in str(value):
        return value or _EMPTY
    return SafeString(linebreaks(value, autoescape=True))
