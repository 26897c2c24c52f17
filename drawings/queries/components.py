"""Queries for components, limited to those of documents that the actor may see."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from core.actors import Actor
from core.db import ids
from core.db.compiled_queries import Value
from core.db.pagination import ListQuery, Order, Page, PageRequest, page
from core.errors import invalid
from drawings.models import Component
from projects.queries import get_project

BY_PAGE = Order("page_number")


@dataclass(frozen=True, slots=True)
class ComponentFilter:
    """Filter of a list of components; an empty attribute does not restrict it.

    Attributes:
        document_id: as the client wrote it.
        page_number: from 0; None = all pages.
        symbol_id: as the client wrote it.
    """

    document_id: str = ""
    page_number: int | None = None
    symbol_id: str = ""
    states: Collection[int] = ()
    methods: Collection[int] = ()
    component_class: str = ""
    prefix: str = ""

    def bound_to(self) -> Mapping[str, Any]:
        return {
            "document": self.document_id, "page": self.page_number, "symbol": self.symbol_id,
            "states": sorted(self.states), "methods": sorted(self.methods), "class": self.component_class,
            "prefix": self.prefix,
        }  # fmt: skip


def get_component(actor: Actor, component_id: str) -> Component:
    """Return the component with this id, as the client wrote it.

    Raises:
        Component.DoesNotExist: also for a malformed id, and for a component of a document that the actor may not see.
    """
    wanted = ids.parsed(component_id)
    found: Component | None = None
    if wanted is not None:
        found = Component.objects.visible_to(actor).select_related("document").filter(pk=wanted).first()
    if found is None:
        raise not_found(component_id)
    return found


def visible_ids(actor: Actor, component_ids: Iterable[str]) -> set[str]:
    """Return those of these ids whose components exist and are visible to the actor."""
    found = Component.objects.visible_to(actor).filter(pk__in=list(component_ids)).values_list("pk", flat=True)
    return set(map(str, found))


def not_found(component_id: str) -> Component.DoesNotExist:
    """Return the error for a component that does not exist or that the caller may not see."""
    return Component.DoesNotExist(f"Component with ID '{component_id}' not found")


def list_components(
    actor: Actor, project_id: str, request: PageRequest, only: ComponentFilter = ComponentFilter()
) -> Page[Component]:
    """Return a page of the components of a project, by their pages.

    Raises:
        Project.DoesNotExist
        ValidationError: on `document_id`, `symbol_id`, `page_number`, `page_size` or `page_token`.
    """
    project, _ = get_project(actor, project_id)
    if only.page_number is not None and not 0 <= only.page_number < 2**31:
        raise invalid("page_number", "range", "Pages are numbered from 0.")
    wanted: dict[str, Value | None] = {
        "document_id": _id(only.document_id, "document_id"), "symbol_id": _id(only.symbol_id, "symbol_id"),
        "page_number": only.page_number, "component_class": only.component_class or None,
        "prefix": only.prefix or None,
    }  # fmt: skip
    values: dict[str, Value] = {name: value for name, value in wanted.items() if value is not None}
    bound_to = {**request.bound_to, "caller": actor.pk, "project": project.pk, **only.bound_to()}
    form = (frozenset(only.states), frozenset(only.methods))
    selection = ListQuery(Component, _matching, form, {"project_id": project.pk, **values}, scattered=True)
    return page(selection, replace(request, bound_to=bound_to), BY_PAGE)


def _id(text: str, field: str) -> UUID | None:
    if not text:
        return None
    wanted = ids.parsed(text)
    if wanted is None:
        raise invalid(field, "invalid", "This is not an id.")
    return wanted


def _matching(
    states: Collection[int], methods: Collection[int], project_id: UUID, **values: Value
) -> QuerySet[Component]:
    """Return the components of a project with these values."""
    rows: QuerySet[Component] = Component.objects.filter(document__project=project_id, **values)
    if states:
        rows = rows.filter(state__in=sorted(states))
    if methods:
        rows = rows.filter(method__in=sorted(methods))
    return rows
