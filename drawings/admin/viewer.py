"""The part of a document's page that shows its sheets, with the components on them, and the requests of that part."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin

from core.admin.writes import actor_of
from core.errors import Failure, problem_of
from core.lazy_modules import LazyModule
from drawings import queries
from drawings.models import RUNNING, Component, Document, Page, State, Symbol
from drawings.models.symbols import COUNTING
from drawings.services import components
from projects.policies import may_edit
from projects.queries import role_of

if TYPE_CHECKING:
    from drawings.queries import pages
    from drawings.services import images, symbols
else:
    pages = LazyModule("drawings.queries.pages")
    images, symbols = LazyModule("drawings.services.images"), LazyModule("drawings.services.symbols")

#: Components of a page that the viewer shows; the list of components has the others.
MAX_COMPONENTS = 5_000
MAX_SYMBOLS = 200
_ERRORS = (Failure, ValidationError, PermissionDenied, ObjectDoesNotExist)
_FILTERS = (
    ("", "All"), ("proposed", "Proposed"), ("withheld", "Withheld"), ("confirmed", "Confirmed"),
    ("rejected", "Rejected"),
)  # fmt: skip


class ViewerPage(ModelAdmin):
    """A document's page with its sheets. Everything goes through services and queries."""

    change_form_outer_before_template = "drawings/viewer.html"

    class Media:
        css = {"all": ("drawings/viewer.css",)}
        js = ("drawings/sheet.js", "drawings/viewer.js")

    def get_urls(self) -> list[URLPattern]:
        own: tuple[tuple[str, Callable[..., HttpResponse], str], ...] = (
            ("pages/<int:number>/", self.show_page, "page"),
            ("pages/<int:number>/image/", self.show_image, "image"),
            ("decide/", self.decide, "decide"),
            ("symbols/", self.pick_symbol, "pick"),
        )
        views = [
            path(f"<uuid:document_id>/{place}", self.admin_site.admin_view(view), name=f"drawings_document_{name}")
            for place, view, name in own
        ]
        return [*views, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        document = self.get_object(request, object_id)
        viewer = (
            content(request, document, may_change=self.has_change_permission(request, document)) if document else {}
        )
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "viewer": viewer})

    def show_page(self, request: HttpRequest, document_id: UUID, number: int) -> HttpResponse:
        """Return a page and its components as JSON."""
        return self._answer(request, lambda: _page(request, document_id, number))

    def show_image(self, request: HttpRequest, document_id: UUID, number: int) -> HttpResponse:
        """Return the image of a page, or of a part of it; see `images.page_image`."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            dpi, box = int(request.GET.get("dpi", "0")), [float(side) for side in _sides(request)]
        except ValueError:
            return HttpResponse("Give dpi and bbox as numbers.", status=400, content_type="text/plain")
        try:
            _, image = images.page_image(actor_of(request), str(document_id), number, dpi, box)
        except _ERRORS as exc:
            problem = problem_of(exc)
            return HttpResponse(problem.message, status=problem.spec.http_status, content_type="text/plain")
        return HttpResponse(image, content_type="image/png", headers={"Cache-Control": "private, max-age=600"})

    def decide(self, request: HttpRequest, document_id: UUID) -> HttpResponse:
        """Confirm or reject the components that the JSON body names, all or none of them."""
        return self._write(request, lambda: _decide(request, document_id))

    def pick_symbol(self, request: HttpRequest, document_id: UUID) -> HttpResponse:
        """Make a symbol of the part of a page that the JSON body names, and queue its count."""
        return self._write(request, lambda: _pick_symbol(request, document_id))

    def _write(self, request: HttpRequest, work: Callable[[], dict[str, Any]]) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return self._answer(request, work)

    def _answer(self, request: HttpRequest, work: Callable[[], dict[str, Any]]) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            return JsonResponse(work(), headers={"Cache-Control": "no-store"})
        except _ERRORS as exc:
            problem = problem_of(exc)
            return JsonResponse({"detail": problem.message}, status=problem.spec.http_status)


def content(request: HttpRequest, document: Document, *, may_change: bool) -> dict[str, Any]:
    """Return what the template shows of a document."""
    open_counts = dict(
        Component.objects.filter(document=document, state=State.PROPOSED)
        .values_list("page_number")
        .annotate(Count("pk"))
    )
    rows = Page.objects.filter(document=document).order_by("number")
    actor = actor_of(request)
    return {
        "document": document,
        "pages": [
            {"number": row.number, "title": f"{row.number + 1}: {row}", "open": open_counts.get(row.number, 0)}
            for row in rows
        ],
        "first": min(open_counts, default=0),
        "filters": _FILTERS,
        "is_running": document.status in RUNNING,
        "may_edit": may_change and may_edit(actor, role_of(actor, document.project_id)),
    }


def _sides(request: HttpRequest) -> list[str]:
    text = request.GET.get("bbox", "")
    return text.split(",") if text else []


def _page(request: HttpRequest, document_id: UUID, number: int) -> dict[str, Any]:
    document, page = pages.get_page(actor_of(request), str(document_id), number)
    rows = list(Component.objects.filter(document=document, page_number=number).order_by("pk")[: MAX_COMPONENTS + 1])
    return {
        "width": page.width or 1,
        "height": page.height or 1,
        "address": f"{request.path}image/",
        "notes": [*page.warnings, *([page.failure_reason] if page.failure_reason else [])],
        "components": [_component(row) for row in rows[:MAX_COMPONENTS]],
        "has_more": len(rows) > MAX_COMPONENTS,
        "symbols": [_symbol(row) for row in _symbols_of(document)],
    }


def _symbols_of(document: Document) -> list[Symbol]:
    """Return the newest symbols of the document's project."""
    return list(Symbol.objects.filter(document__project=document.project_id).order_by("-pk")[:MAX_SYMBOLS])


def _symbol(row: Symbol) -> dict[str, Any]:
    matches = f"{'' if row.is_complete else 'at least '}{row.match_count}"
    report = f"{row.name}: {matches} found, {row.withheld_count} withheld."
    if row.count_status in COUNTING:
        report = f"{row.name}: counting, {row.count_progress} %."
    return {
        "id": str(row.pk),
        "name": row.name,
        "is_counting": row.count_status in COUNTING,
        "report": " ".join([row.count_failure or report, *row.notes]),
    }


def _component(row: Component) -> dict[str, Any]:
    name = " ".join(filter(None, (row.designator, row.component_class, row.rating_raw)))
    return {
        "id": str(row.pk),
        "version": row.version,
        "name": name,
        "bbox": row.box,
        "state": row.state,
        "remark": row.remark,
        "symbol": str(row.symbol_id or ""),
    }


def _decide(request: HttpRequest, document_id: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    document = queries.get_document(actor, str(document_id))
    try:
        wanted = [
            components.Decision(str(one["component_id"]), State(one["state"]), int(one["version"]))
            for one in json.loads(request.body)["decisions"]
        ]
    except (ValueError, TypeError, KeyError) as exc:
        raise ValidationError("Send decisions, each with component_id, state and version.") from exc
    decided = components.decide_components(actor, str(document.project_id), wanted)
    return {
        "components": [_component(row) for row in decided.components],
        "undo": [
            {"component_id": one.component_id, "state": one.state, "version": one.version} for one in decided.undo
        ],
    }


def _pick_symbol(request: HttpRequest, document_id: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    document = queries.get_document(actor, str(document_id))
    try:
        body = json.loads(request.body)
        number, box = int(body["page_number"]), [float(side) for side in body["bbox"]]
        fields = {"name": str(body["name"])}
    except (ValueError, TypeError, KeyError, OverflowError) as exc:
        raise ValidationError("Send name, page_number and bbox.") from exc
    symbol = symbols.create_symbol(actor, str(document.project_id), str(document_id), number, box, fields)
    return {"symbol": _symbol(symbols.count_symbol(actor, str(symbol.pk)))}
