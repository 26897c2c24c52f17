"""Pickers of related rows, which name the chosen row without a query if the page has it already."""

from typing import Any

from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import Model


class Picker(AutocompleteSelect):
    """Django's picker. `known` is the row that the form's row refers to; None = it was not fetched."""

    known: Model | None = None

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> Any:
        chosen = [str(one) for one in value if one not in ("", None)]
        if self.known is None or chosen != [str(self.known.pk)]:
            return super().optgroups(name, value, attrs)
        options = [] if self.is_required else [self.create_option(name, "", "", False, 0)]
        options.append(self.create_option(name, chosen[0], str(self.known), True, len(options)))
        return [(None, options, 0)]


def set_known(form: Any, row: Model) -> None:
    """Set the known rows of the pickers of a form class to those that were fetched with the row."""
    for name, field in form.base_fields.items():
        picker = getattr(field.widget, "widget", field.widget)
        if isinstance(picker, Picker):
            relation: Any = row._meta.get_field(name)
            picker.known = relation.get_cached_value(row, default=None)
