"""Queries for symbols, limited to those of documents that the actor may see."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from django.db.models import QuerySet

from core.actors import Actor
from core.db import ids
from core.db.pagination import ListQuery, Order, Page, PageRequest, page
from drawing_engine import pages as engine
from drawings.models import Document, Symbol
from drawings.models import Page as PageRow
from drawings.queries.pages import lines_of, words_of
from projects.queries import get_project

OLDEST_FIRST = Order("created_at")


def get_symbol(actor: Actor, symbol_id: str) -> Symbol:
    """Return the symbol with this id, as the client wrote it.

    Raises:
        Symbol.DoesNotExist: also for a malformed id, and for a symbol of a document that the actor may not see.
    """
    wanted = ids.parsed(symbol_id)
    found: Symbol | None = None
    if wanted is not None:
        found = Symbol.objects.visible_to(actor).select_related("document").filter(pk=wanted).first()
    if found is None:
        raise not_found(symbol_id)
    return found


def visible_ids(actor: Actor, symbol_ids: Iterable[str]) -> set[str]:
    """Return those of these ids whose symbols exist and are visible to the actor."""
    found = Symbol.objects.visible_to(actor).filter(pk__in=list(symbol_ids)).values_list("pk", flat=True)
    return set(map(str, found))


def not_found(symbol_id: str) -> Symbol.DoesNotExist:
    """Return the error for a symbol that does not exist or that the caller may not see."""
    return Symbol.DoesNotExist(f"Symbol with ID '{symbol_id}' not found")


def list_symbols(actor: Actor, project_id: str, request: PageRequest) -> Page[Symbol]:
    """Return a page of the symbols of a project, in the order in which they were made.

    Raises:
        Project.DoesNotExist
        ValidationError: on `page_size` or `page_token`.
    """
    project, _ = get_project(actor, project_id)
    bound_to = {**request.bound_to, "caller": actor.pk, "project": project.pk}
    selection = ListQuery(Symbol, _of_project, (), {"project_id": project.pk}, scattered=True)
    return page(selection, replace(request, bound_to=bound_to), OLDEST_FIRST)


def pages_to_count(project_id: UUID) -> list[PageRow]:
    """Return the pages on which a symbol of the project is counted: those of all documents that no other supersedes."""
    superseded = Document.objects.filter(project=project_id, supersedes__isnull=False).values("supersedes")
    rows = PageRow.objects.filter(document__project=project_id, failure_reason="").exclude(document__in=superseded)
    rows = rows.select_related("document").defer("document__search_words", "document__metadata")
    return list(rows.order_by("document__created_at", "document", "number"))


def engine_page(row: PageRow) -> engine.Page:
    """Return a page as the drawing engine has it."""
    lines = lines_of(row.pk)
    return engine.Page(
        number=row.number,
        width=row.width,
        height=row.height,
        rotation=row.rotation,
        words=words_of(row.pk).engine_words(),
        segments=lines.segments,
        segment_path=lines.segment_path,
        paths=lines.paths,
        kind=engine.Kind(row.kind),
        sheet_number=row.sheet_number,
        sheet_title=row.sheet_title,
    )


def _of_project(project_id: UUID) -> QuerySet[Symbol]:
    rows: QuerySet[Symbol] = Symbol.objects.filter(document__project=project_id)
    return rows
