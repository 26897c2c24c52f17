"""Related rows on the page of an object: the first few, read-only."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from unfold.admin import TabularInline

MAX_SHOWN = 10
_COUNT_LIMIT = 1_000


class NewestRows(BaseInlineFormSet):  # type: ignore[type-arg]
    """The newest rows. They are read-only, so the page's form does not hold them."""

    queryset: QuerySet[Any]

    def __init__(self, data: Any = None, files: Any = None, save_as_new: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.new_objects, self.changed_objects, self.deleted_objects = [], [], []

    def get_queryset(self) -> Any:
        return self._newest[:MAX_SHOWN]

    def is_valid(self) -> bool:
        return True

    def save(self, commit: bool = True) -> list[Any]:
        return []

    @cached_property
    def others(self) -> str:
        """The number of rows that are not shown, as text; empty if all are shown."""
        if len(self._newest) <= MAX_SHOWN:
            return ""
        count = self.queryset.order_by()[:_COUNT_LIMIT].count()
        more = "at least " if count == _COUNT_LIMIT else ""
        return f"{more}{count - MAX_SHOWN:,}"

    @cached_property
    def _newest(self) -> list[Any]:
        """The rows that are shown, and one more, if there is one."""
        return list(self.queryset.order_by("-pk")[: MAX_SHOWN + 1])


class NewestRowsInline(TabularInline):
    """A read-only inline of the newest related rows."""

    formset = NewestRows
    template_after = "admin/other_rows.html"
    hide_title = True
    extra = 0
    can_delete = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
