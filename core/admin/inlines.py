"""Related rows on the page of an object: the newest, read-only, in a plain table.

Django's own inlines make a form of each row, and django-unfold evaluates each of its cells five times.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.admin.utils import label_for_field
from django.db.models import QuerySet
from django.forms import BaseInlineFormSet
from django.forms.models import inlineformset_factory
from django.http import HttpRequest
from django.utils.text import capfirst
from unfold.admin import TabularInline

from core.admin.values import page_of, value_of

MAX_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: its name, the address of its page if it has one, and each cell with its heading."""

    name: str
    link: str
    cells: Sequence[tuple[str, str]]


class NewestRows(BaseInlineFormSet):  # type: ignore[type-arg]
    """The newest rows. They are read-only, so the page's form does not hold them, and there is no form of a row."""

    queryset: QuerySet[Any]
    inline: "NewestRowsInline"
    #: The names of the columns.
    columns: Sequence[str]

    def __init__(self, data: Any = None, files: Any = None, save_as_new: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.new_objects, self.changed_objects, self.deleted_objects = [], [], []

    def get_queryset(self) -> Any:
        # Django reads its length 30 times a page. It would compile an empty queryset each time, half the CPU of a page.
        return []

    def is_valid(self) -> bool:
        return True

    def save(self, commit: bool = True) -> list[Any]:
        return []

    @property
    def has_more(self) -> bool:
        return len(self._newest) > MAX_SHOWN

    @cached_property
    def headings(self) -> list[str]:
        model: Any = self.model
        labels = (label_for_field(name, model, self.inline) for name in self.columns)
        return [capfirst(str(label)) for label in labels]

    @property
    def rows(self) -> Iterator[Row]:
        for row in self._newest[:MAX_SHOWN]:
            cells = [value_of(row, name, self.inline) for name in self.columns]
            link = page_of(row) if self.inline.show_change_link else ""
            yield Row(str(row), link, list(zip(self.headings, cells, strict=True)))

    @cached_property
    def _newest(self) -> list[Any]:
        """The rows that are shown, and one more, if there is one."""
        return list(self.queryset.order_by("-pk")[: MAX_SHOWN + 1])


class NewestRowsInline(TabularInline):
    """A read-only inline of the newest related rows."""

    formset = NewestRows
    template = "admin/newest_rows.html"
    extra = 0
    can_delete = False
    #: The name of the list that has all rows, filtered by the object; empty = there is none.
    listed_at = ""

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        made: Any = inlineformset_factory(
            self.parent_model, self.model, formset=self.formset, fk_name=self.fk_name, fields=(), extra=0
        )
        made.inline, made.columns = self, self.get_fields(request, obj)
        return made

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
