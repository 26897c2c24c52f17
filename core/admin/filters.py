"""Filters of lists: people and projects by a picker, days as a range."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter as PickerFilter
from unfold.contrib.filters.admin import TextFilter as TextFilter

__all__ = ["DayRangeFilter", "PickerFilter", "TextFilter"]


class DayRangeFilter(admin.FieldListFilter):
    """Filter of a time by its first and last day, in the zone of the user. An invalid day filters nothing."""

    template = "admin/days_filter.html"

    @property
    def is_active(self) -> bool:
        return bool(self._day("from") or self._day("to"))

    @property
    def length(self) -> timedelta:
        """The time from the first day to the last; the longest possible if one of them is not given."""
        first, last = self._day("from"), self._day("to")
        return last - first if first and last else timedelta.max

    def expected_parameters(self) -> list[str | None]:
        return [f"{self.field_path}_from", f"{self.field_path}_to"]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if first := self._day("from"):
            queryset = queryset.filter(**{f"{self.field_path}__gte": _begin(first)})
        if last := self._day("to"):
            queryset = queryset.filter(**{f"{self.field_path}__lt": _begin(last + timedelta(days=1))})
        return queryset

    def choices(self, changelist: Any) -> Iterator[Any]:
        for end in ("from", "to"):
            name = f"{self.field_path}_{end}"
            yield {"name": name, "label": end, "value": self._text(name)}

    def _text(self, name: str) -> str:
        value = self.used_parameters.get(name, "")
        return str(value[-1] if isinstance(value, list) else value)

    def _day(self, end: str) -> date | None:
        try:
            day = date.fromisoformat(self._text(f"{self.field_path}_{end}"))
        except ValueError:
            return None
        return day if 1900 <= day.year <= 9000 else None


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, datetime.min.time()))
