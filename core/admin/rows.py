"""The rows of a list as HTML, made in one go.

django-unfold computes the headings again for each row, and passes each row and each yes or no through templates: half
of the CPU time of a list. Its editable cells, sections and actions of a single row are not supported here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, time
from functools import cache, cached_property
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Model
from django.template.loader import render_to_string
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from unfold.templatetags.unfold_list import result_headers
from unfold.views import ChangeList

from core.admin.values import found


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a list: its name, and the start tags of its cells, of which short ones are not wrapped.

    `has_link`: its cells, which link to the pages of the rows, are the headings of the rows.
    """

    name: str
    start: str
    short_start: str
    has_link: bool

    @classmethod
    def of(cls, name: str, label: str, has_link: bool) -> "_Column":
        tag = '<{} class="field-{} cell{}" data-label="{}">'
        start, short_start = (
            format_html(tag, "th" if has_link else "td", name, width, label) for width in ("", " nowrap")
        )
        return cls(name, start, short_start, has_link)


class RowList(ChangeList):
    """A change list that makes the HTML of its rows."""

    @cached_property
    def headings(self) -> list[dict[str, Any]]:
        """The headings of the columns, as django-unfold's template shows them."""
        return list(result_headers(self))

    @property
    def rows(self) -> SafeString:
        """The rows of the page as HTML."""
        columns = [
            _Column.of(name, str(heading["text"]), name in (self.list_display_links or ()))
            for name, heading in zip(self.list_display, self.headings, strict=True)
        ]
        # The page of a row leads back to the list with these filters.
        filters = f"?{self.preserved_filters}" if self.preserved_filters else ""
        rows = ("".join(self._cells(row, columns, filters)) for row in self.result_list)
        return SafeString("".join(f'<tr class="data-row">{cells}</tr>' for cells in rows))

    def _cells(self, row: Model, columns: Iterable[_Column], filters: str) -> Iterator[str]:
        for column in columns:
            if column.name == "action_checkbox":
                box = self.model_admin.action_checkbox(row)
                yield f'<td class="cell cell-check action-checkbox" data-label="Select record">{box}</td>'
                continue
            value, text = found(row, column.name, self.model_admin)
            shown = _shown(value, text)
            start = column.short_start if isinstance(value, date | time | Model) else column.start
            if column.has_link:
                link = conditional_escape(f"{self.url_for_result(row)}{filters}")
                yield f'{start}<a href="{link}" class="cell-link">{shown}</a></th>'
            else:
                yield f"{start}{shown}</td>"


def _shown(value: Any, text: str) -> str:
    """Return a value as the HTML of a cell. A person is their name; pointing at it shows the e-mail address, too."""
    if isinstance(value, bool):
        return _mark(value)
    if isinstance(value, get_user_model()):
        return format_html('<span class="cell-person" title="{}">{}</span>', text, value.display_name)
    return conditional_escape(text)


@cache
def _mark(value: bool) -> str:
    return render_to_string("unfold/helpers/boolean.html", {"value": value})
