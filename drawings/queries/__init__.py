"""Queries for documents, limited to those that the actor may see."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet

from core.actors import Actor
from core.db import ids, search
from core.db.compiled_queries import Prepared, Value
from core.db.pagination import ListQuery, Order, Page, PageRequest, page
from drawings.models import Document, PageContent, Status
from projects.queries import get_project

NEWEST_FIRST = Order("created_at", descending=True)

# The column is only used by the search.
_DEFERRED = ("search_words",)
_by_id = Prepared(lambda document_id: Document.objects.defer(*_DEFERRED).filter(pk=document_id))
_of_member_by_id = Prepared(
    lambda document_id, member_id: (
        Document.objects.defer(*_DEFERRED).filter(pk=document_id).visible_to_member(member_id)
    )
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Filter of a list of documents; an empty attribute does not restrict it.

    Attributes:
        query: prefixes of words, all in the title or all on one page.
    """

    statuses: Collection[int] = ()
    query: str = ""

    def bound_to(self) -> Mapping[str, Any]:
        return {"statuses": sorted(self.statuses), "query": self.query}


def get_document(actor: Actor, document_id: str) -> Document:
    """Return the document with this id, as the client wrote it.

    Raises:
        Document.DoesNotExist: also for a malformed id, and for a document the actor may not see.
    """
    wanted = ids.parsed(document_id)
    document = None
    if wanted is not None and actor.is_authenticated:
        document = (
            _by_id.first(document_id=wanted)
            if actor.is_administrator
            else _of_member_by_id.first(document_id=wanted, member_id=actor.pk)
        )
    if document is None:
        raise not_found(document_id)
    return document


def list_documents(actor: Actor, project_id: str, request: PageRequest, only: Filter = Filter()) -> Page[Document]:
    """Return a page of the documents of a project, newest first.

    Raises:
        Project.DoesNotExist
        ValidationError: on `query`, `page_size` or `page_token`.
    """
    project, _ = get_project(actor, project_id)
    query = search.checked_query(only.query)
    bound_to = {**request.bound_to, "caller": actor.pk, "project": project.pk, **only.bound_to()}
    values: dict[str, Value] = {"project_id": project.pk, **({"query": query} if query else {})}
    selection = ListQuery(
        Document,
        _matching,
        (frozenset(only.statuses),),
        values,
        scattered=bool(query or only.statuses),
        deferred=_DEFERRED,
    )
    return page(selection, replace(request, bound_to=bound_to), NEWEST_FIRST)


def figures_of_project(project_id: UUID) -> Mapping[str, int | Mapping[str, int]]:
    """Return the figures of a project's documents, for GetProjectStats."""
    counted = Document.objects.filter(project=project_id).values_list("status").annotate(many=Count("*"))
    by_status = {Status(status).name.lower(): count for status, count in counted}
    return {"documents_by_status": {status.name.lower(): by_status.get(status.name.lower(), 0) for status in Status}}


def not_found(document_id: str) -> Document.DoesNotExist:
    """Return the error for a document that does not exist or that the caller may not see."""
    return Document.DoesNotExist(f"Document with ID '{document_id}' not found")


def _matching(statuses: Collection[int], project_id: UUID, query: str | None = None) -> tuple[QuerySet[Document], ...]:
    """Return the matching documents; for a search two querysets, by title and by page, each with its own index."""
    rows = Document.objects.filter(project=project_id)
    if statuses:
        rows = rows.filter(status__in=sorted(statuses))
    if query is None:
        return (rows,)
    by_page = PageContent.objects.filter(search.matches("search_words", query), page__document__project=project_id)
    return rows.filter(search.matches("search_words", query)), rows.filter(pk__in=by_page.values("page__document"))
