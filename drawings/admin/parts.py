"""Admin pages of components and symbols: lists over all drawings, with links to the sheets where they are decided."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from changes.admin import ChangeLogHistoryMixin
from core.actors import Actor
from core.admin.exports import CsvExport
from core.admin.filters import PickerFilter
from core.admin.lists import LargeList
from core.admin.writes import ServiceBackedAdmin, actor_of, show_saved
from core.lazy_modules import LazyModule
from drawings.models import Component, Document, State, Symbol
from drawings.services import components
from projects.models import Project

if TYPE_CHECKING:
    from drawings.services import symbols
else:
    symbols = LazyModule("drawings.services.symbols")

#: Field of the form → field of the service.
WRITABLE = {"designator": "designator", "component_class": "component_class", "rating_raw": "rating"}


def sheet_link(part: Any, text: str, **marked: object) -> SafeString:
    """Return a link to the page of the drawing that the component or symbol is on, where the viewer marks it."""
    address = reverse("admin:drawings_document_change", args=[part.document_id])
    place = urlencode({"page": part.page_number, **marked})
    return format_html('<a class="text-link" href="{}#{}">{}</a>', address, place, text)


def _in_words(name: str) -> str:
    return name.replace("_", " ")


class DrawingPartAdmin(ChangeLogHistoryMixin, CsvExport, ServiceBackedAdmin, LargeList):
    """Base of the admins of what is on the pages of documents. Rows are added in the viewer."""

    list_select_related: Any = ("document__project",)
    lookups: tuple[str, ...] = ("document__id__exact", "document__project__id__exact")
    list_filter_submit = True
    # Ids are in the order of creation.
    ordering = ("-id",)
    #: The condition that a search sets, by the whole term.
    searched: str

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = self.model._default_manager.visible_to(actor_of(request)).select_related(*self.list_select_related)
        return rows.defer("document__search_words", "document__metadata", "document__project__search_words")

    @admin.display(description="project")
    def project(self, part: Any) -> str:
        return self._link(Project, part.document.project)

    @admin.display(description="document")
    def of_document(self, part: Any) -> str:
        return self._link(Document, part.document)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(**{self.searched: term}) if term else queryset), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def _link(self, model: type[Any], row: Any) -> SafeString:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk])
        return format_html('<a class="text-link" href="{}">{}</a>', address, row)


@admin.register(Component)
class ComponentAdmin(DrawingPartAdmin):
    list_display = ("name", "class_words", "rating", "state", "sheet", "of_document", "project", "remark",
                    "decided_by")  # fmt: skip
    list_select_related = ("document__project", "decided_by")
    list_filter = ("state", ("document__project", PickerFilter), ("document", PickerFilter))
    lookups = (*DrawingPartAdmin.lookups, "state__exact", "symbol_id__exact")
    search_fields = ("designator",)
    searched = "designator__startswith"
    search_help_text = "Beginning of the designator, such as -K1"
    when_empty = "Upload a drawing on the page of a project; its processing finds them."
    fields = (*WRITABLE, "state", "remark", "sheet", "of_document", "project", "symbol", "method", "sure",
              "decided_by", "decided_at", "id", "version", "created_at", "updated_at")  # fmt: skip
    readonly_fields = fields[len(WRITABLE) :]
    actions = ("confirm", "reject", "reopen", "export_csv")
    export_fields = ("id", "designator", "component_class", "rating_raw", "state", "document", "page_number",
                     "confidence", "decided_by", "decided_at")  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # No foreign key: the symbol may be deleted.
        symbol = Symbol.objects.filter(pk=OuterRef("symbol_id"))
        return super().get_queryset(request).annotate(symbol_name=Subquery(symbol.values("name")))

    @admin.display(description="designator")
    def name(self, component: Component) -> str:
        return component.designator or f"({component.component_class})"

    @admin.display(description="class")
    def class_words(self, component: Component) -> str:
        return _in_words(component.component_class)

    @admin.display(description="rating", empty_value="-")
    def rating(self, component: Component) -> str:
        return component.rating_raw

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        labels = {"component_class": "Class", "rating_raw": "Rating"}
        help_texts = {
            "component_class": "What kind of device it is, with _ between words: circuit_breaker.",
            "rating_raw": "As the drawing states it: 16 A.",
        }
        return super().get_form(request, obj, change, labels=labels, help_texts=help_texts, **kwargs)

    @admin.display(description="sheet")
    def sheet(self, component: Component) -> SafeString:
        return sheet_link(component, f"Page {component.page_number + 1}", component=component.pk)

    @admin.display(description="confidence")
    def sure(self, component: Component) -> str:
        return f"{component.confidence * 100:.0f}\u00a0%"

    @admin.display(description="counted by symbol")
    def symbol(self, component: Component) -> str:
        name = getattr(component, "symbol_name", None)
        return self._link(Symbol, Symbol(pk=component.symbol_id, name=name)) if name else "-"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # A false finding is rejected instead, so that the next run does not propose it again.

    @admin.action(description="Confirm the selected components", permissions=["change"])
    def confirm(self, request: HttpRequest, queryset: QuerySet[Component]) -> None:
        self._decide(request, queryset, State.CONFIRMED, "confirmed")

    @admin.action(description="Reject the selected components", permissions=["change"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Component]) -> None:
        self._decide(request, queryset, State.REJECTED, "rejected")

    @admin.action(description="Revert the decisions about the selected components", permissions=["change"])
    def reopen(self, request: HttpRequest, queryset: QuerySet[Component]) -> None:
        self._decide(request, queryset, State.PROPOSED, "proposed again")

    def _decide(self, request: HttpRequest, queryset: QuerySet[Component], state: State, done: str) -> None:
        rows = {str(row.pk): row for row in queryset}

        def decide(actor: Actor, pk: str) -> None:
            decision = components.Decision(pk, state, rows[pk].version)
            components.decide_components(actor, rows[pk].project_id, [decision])

        self.do_to_each(request, rows.values(), done, decide)

    def save_model(self, request: HttpRequest, obj: Component, form: Any, change: bool) -> None:
        fields = {WRITABLE[name]: form.cleaned_data[name] for name in form.changed_data if name in WRITABLE}
        saved = components.update_component(
            actor_of(request), str(obj.pk), fields, expected_version=self.opened_version(request)
        )
        show_saved(obj, saved)


@admin.register(Symbol)
class SymbolAdmin(DrawingPartAdmin):
    """Symbols are not editable: a count is that of an exemplar."""

    list_display = ("name", "class_words", "counted", "found", "withheld_count", "sheet", "of_document", "project",
                    "created_by")  # fmt: skip
    list_select_related = ("document__project", "created_by")
    # There are a few in each project: no index is needed.
    list_filter = ("count_status", ("document__project", PickerFilter), ("document", PickerFilter))
    lookups = (*DrawingPartAdmin.lookups, "count_status__exact")
    search_fields = ("name",)
    searched = "name__icontains"
    search_help_text = "Part of the name"
    when_empty = "Drag a box around a symbol in the viewer of a drawing to count it."
    fields = ("name", "class_words", "counted", "found", "withheld_count", "remarks", "sheet", "of_document",
              "project", "may_rotate", "may_mirror", "of_legend", "created_by", "id", "version", "created_at",
              "updated_at")  # fmt: skip
    readonly_fields = fields
    actions = ("count", "cancel", "export_csv")
    export_fields = ("id", "name", "symbol_class", "count_status", "match_count", "withheld_count", "is_complete",
                     "document", "page_number", "created_by", "created_at")  # fmt: skip
    progress_fields = frozenset(("count_progress",))

    @admin.display(description="class")
    def class_words(self, symbol: Symbol) -> str:
        return _in_words(symbol.symbol_class)

    @admin.display(description="drawn in the legend, not counted itself", boolean=True)
    def of_legend(self, symbol: Symbol) -> bool:
        return symbol.is_of_legend

    @admin.display(description="count")
    def counted(self, symbol: Symbol) -> str:
        return format_html(
            '{0}: <progress value="{1}" max="100"></progress> {1}&nbsp;%',
            symbol.get_count_status_display(),
            symbol.count_progress,
        )

    @admin.display(description="found")
    def found(self, symbol: Symbol) -> SafeString:
        """Return the number of components that were counted, with a link to their list."""
        address = f"{reverse('admin:drawings_component_changelist')}?symbol_id__exact={symbol.pk}"
        number = f"{'' if symbol.is_complete else 'at least '}{symbol.match_count:,}"
        return format_html('<a class="text-link" href="{}">{}</a>', address, number)

    @admin.display(description="remarks")
    def remarks(self, symbol: Symbol) -> str:
        return " ".join(filter(None, (symbol.count_failure, *symbol.notes))) or "-"

    @admin.display(description="sheet")
    def sheet(self, symbol: Symbol) -> SafeString:
        return sheet_link(symbol, f"Page {symbol.page_number + 1}", symbol=symbol.pk)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_count_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("drawings.change_symbol"))

    @admin.action(description="Count the selected symbols once more", permissions=["count"])
    def count(self, request: HttpRequest, queryset: QuerySet[Symbol]) -> None:
        self.do_to_each(request, queryset, "queued", symbols.count_symbol)

    @admin.action(description="Cancel the counts of the selected symbols", permissions=["count"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Symbol]) -> None:
        self.do_to_each(request, queryset, "cancelled", symbols.cancel_count)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return only the symbols: what was counted by them stays."""
        return [str(symbol) for symbol in objs], {str(self.opts.verbose_name_plural): len(objs)}, set(), []

    def delete_model(self, request: HttpRequest, obj: Symbol) -> None:
        symbols.delete_symbol(actor_of(request), str(obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Symbol]) -> None:
        self.do_to_each(request, queryset, "deleted", symbols.delete_symbol)
