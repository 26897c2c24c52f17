"""Lists that stay fast with a million rows: counts are limited, and sorting and filtering always use an index."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin import ShowFacets, display
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.forms import ActionForm

from core.admin.filters import DayRangeFilter
from core.admin.lean_html import slim
from core.admin.rows import RowList
from core.db import common_words
from core.db.pagination import COUNT_LIMIT

#: Limits of a row's id: the text of a UUID is the longest.
_MAX_ID_LENGTH, _GREATEST_ID = 40, 2**63 - 1
#: How many rows a picker offers; further letters find the others.
MAX_PICKED = 1_000
#: Up to so many rows, fetching them all costs less than searching for them along an order.
EXACT_COUNT_LIMIT = 1_000


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Numbered pages of the first `COUNT_LIMIT` rows; search and filters find the others."""

    template_name = "admin/capped_pages.html"
    object_list: QuerySet[Any]
    #: Whether the rows are found by words, of which the database knows no frequency.
    is_search = False
    #: How many rows are counted, and shown on pages; None = `COUNT_LIMIT`.
    limit: int | None = None

    @cached_property
    def count(self) -> int:
        return min(self._counted, self._limit)

    @property
    def count_label(self) -> str:
        """The number of rows, human-readable."""
        return f"{'more than ' if self.has_more else ''}{self.count:,}"

    @property
    def has_more(self) -> bool:
        """Return whether there are more rows than the pages show."""
        return self._counted > self._limit

    def page(self, number: int | str) -> Page[Any]:
        """Return the page. Its ids are read first, so that skipped rows are neither joined nor sorted as whole rows."""
        number = self.validate_number(number)
        rows = matching = self.object_list
        if self._counted <= EXACT_COUNT_LIMIT:
            # As in `core.db.pagination`: to find few rows, the database must not walk along the order.
            found = rows.order_by().values("pk")[: 2 * EXACT_COUNT_LIMIT]
            matching = rows.model._default_manager.filter(pk__in=found).order_by(*rows.query.order_by)
        first = (number - 1) * self.per_page
        ids = list(matching.values_list("pk", flat=True)[first : min(first + self.per_page, self.count)])
        return Page(rows.filter(pk__in=ids), number, self)

    @cached_property
    def _counted(self) -> int:
        if self.is_search:
            return common_words.count_up_to(self.object_list, self._limit + 1)
        return self.object_list.order_by()[: self._limit + 1].count()

    @property
    def _limit(self) -> int:
        return self.limit or COUNT_LIMIT


class OneColumnOrder(RowList):
    """A change list sorted by one indexed column, then by id in the same direction, as the indexes are.

    Rows of certain days are sorted by those days only. Along another column, the database would read all rows of other
    days that come before.
    """

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str]:
        if days := self._filtered_days():
            self.sortable_by = (days,)
        column = super().get_ordering(request, queryset)[0] if self.params.get(ORDER_VAR) else ""
        if column.removeprefix("-") not in self.sortable_by:
            # Only the links above the columns respect `sortable_by`.
            column = self._get_default_ordering()[0]
        name = column.removeprefix("-")
        column = column.replace(name, self.model_admin.sorted_by.get(name, name))
        return [column, "-pk" if column.startswith("-") else "pk"]

    def get_ordering_field_columns(self) -> dict[int, str]:
        """Return the column that the list is sorted by, by its place, with its direction."""
        names = list(self.list_display)
        asked = super().get_ordering_field_columns() if ORDER_VAR in self.params else {}
        sortable = {place for place, name in enumerate(names) if name in self.sortable_by}
        if shown := {place: direction for place, direction in asked.items() if place in sortable}:
            return shown
        column = self._get_default_ordering()[0]
        name = column.removeprefix("-")
        return {names.index(name): "desc" if column.startswith("-") else "asc"} if name in names else {}

    def _get_default_ordering(self) -> Sequence[str]:
        days = self._filtered_days()
        return [f"-{days}"] if days else self.model_admin.ordering

    def _filtered_days(self) -> str:
        """Return the sortable column that is limited to the fewest days; empty without a filter by days."""
        ranges = (spec for spec in self.filter_specs if isinstance(spec, DayRangeFilter) and spec.is_active)
        shortest_first = sorted(ranges, key=lambda days: days.length)
        return next((days.field_path for days in shortest_first if days.field_path in self.sortable_by), "")


class SelectedRowsActionForm(ActionForm):
    """The form of actions on the selected rows, never on all that match."""

    select_across = forms.BooleanField(label="", required=False, disabled=True, widget=forms.HiddenInput)


class SelectedRowsAdmin(ModelAdmin):
    """An admin with short pages, whose actions reject posted values that are not ids of rows."""

    #: Whether rows have a page of their history, and the button that opens it.
    has_history = False
    list_per_page = 25
    change_list_template: Any = "admin/list_of_rows.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RowList]:
        return RowList

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Reject an action on a value that cannot be the id of a row."""
        if not all(map(self._is_id, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            self.message_user(request, "The selection is not valid; select rows of this list again.", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        response = super().changelist_view(request, *args, **kwargs)
        if isinstance(response, TemplateResponse):
            response.add_post_render_callback(slim)
        return response

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().render_change_form(request, context | {"show_history": self.has_history}, *args, **kwargs)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Render Django's log of the row, if the table has a history."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        if not self.has_history:
            raise Http404("Rows of this table have no history.")
        return super().history_view(request, object_id, extra_context)

    @display(description=ModelAdmin.action_checkbox.short_description)
    def action_checkbox(self, obj: Any) -> SafeString:
        """Return the box that selects a row. Django renders it by a template, a tenth of the time of a list."""
        box = '<input type="checkbox" name="{}" value="{}" class="cell-box action-select" aria-label="Select {}">'
        return format_html(box, ACTION_CHECKBOX_NAME, obj.pk, obj)

    def _is_id(self, text: str) -> bool:
        if "\0" in text or len(text) > _MAX_ID_LENGTH:
            return False
        try:
            value = self.opts.pk.to_python(text)
        except ValidationError:
            return False
        return not isinstance(value, int) or 0 <= value <= _GREATEST_ID


class LargeList(SelectedRowsAdmin):
    """An admin of a table that may have a million rows. `sortable_by` names columns with an index."""

    #: The columns that the query string may filter by; Django would allow any column, secret ones too.
    lookups: Sequence[str] = ()

    paginator = CappedPaginator
    action_form = SelectedRowsActionForm
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_disable_select_all = True
    #: Shown where the table is empty and the user cannot add a row: what makes one.
    when_empty = ""
    sortable_by: Sequence[str] = ()
    #: Column of the list → the column that it is sorted by, where they differ.
    sorted_by: ClassVar[Mapping[str, str]] = {}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RowList]:
        return OneColumnOrder

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup in self.lookups

    def get_paginator(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any) -> Paginator:  # type: ignore[type-arg]
        """Return the pages of a list, or of a picker, which has no order of its own."""
        is_picker = "term" in request.GET
        rows = queryset.order_by(*self.ordering) if is_picker else queryset
        pages = super().get_paginator(request, rows, *args, **kwargs)
        pages.is_search = is_picker or bool(request.GET.get(SEARCH_VAR))
        pages.limit = MAX_PICKED if is_picker else None
        return pages


class ReadOnlyAdmin(LargeList):
    """A read-only admin."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
