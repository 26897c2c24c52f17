"""Queries of projects and members, limited to what the actor may see."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from core.actors import Actor
from core.db import ids, search
from core.db.compiled_queries import Prepared, Value
from core.db.pagination import COUNT_LIMIT, ListQuery, Order, Page, PageRequest, page
from projects import contents
from projects.models import Project, ProjectMember, Role, Status, ids_of_member

LAST_UPDATED_FIRST = Order("updated_at", descending=True)
FIRST_ADDED_FIRST = Order("created_at")

# The column is only used by the search.
_DEFERRED = ("search_words",)
_by_id = Prepared(lambda project_id: Project.objects.defer(*_DEFERRED).filter(pk=project_id))
_membership = Prepared(lambda project_id, user_id: ProjectMember.objects.filter(project=project_id, user=user_id))


@dataclass(frozen=True, slots=True)
class Filter:
    """Filter of a list of projects; an empty attribute does not restrict it.

    Attributes:
        query: prefixes of words in number, name and client.
    """

    statuses: Collection[int] = ()
    query: str = ""

    def bound_to(self) -> Mapping[str, Any]:
        return {"statuses": sorted(self.statuses), "query": self.query}


def project_ids(actor: Actor, least: Role = Role.VIEWER) -> QuerySet[Any, Any]:
    """Return the ids of the projects that the actor is a member of with at least this role, as a subquery for `__in`.

    An administrator, who sees all projects, needs none.
    """
    return ids_of_member(actor.pk, least)


def role_of(actor: Actor, project_id: UUID | None) -> Role | None:
    """Return the actor's role in the project; None = they are not a member, or `project_id` is None."""
    if project_id is None or not _may_be_member(actor):
        return None
    membership = _membership.first(project_id=project_id, user_id=actor.pk)
    return Role(membership.role) if membership else None


def roles_of(actor: Actor, project_ids: Collection[UUID]) -> Mapping[UUID, Role]:
    """Return the actor's roles in these projects, without those that they are not a member of."""
    if not project_ids or not _may_be_member(actor):
        return {}
    rows = ProjectMember.objects.filter(user=actor.pk, project__in=project_ids).values_list("project_id", "role")
    return {project_id: Role(role) for project_id, role in rows}


def get_project(actor: Actor, project_id: str) -> tuple[Project, Role | None]:
    """Return the project with this id, as the client wrote it, and the actor's role in it (None = not a member).

    Raises:
        Project.DoesNotExist: also for a malformed id, and for a project the actor may not see.
    """
    wanted = ids.parsed(project_id)
    role = role_of(actor, wanted)
    project = None
    if wanted is not None and actor.is_authenticated and (role is not None or actor.is_administrator):
        project = _by_id.first(project_id=wanted)
    if project is None:
        raise not_found(project_id)
    return project, role


def get_project_for_update(actor: Actor, project_id: str, *, to_delete: bool = False) -> tuple[Project, Role | None]:
    """Return the project as `get_project` does, with its row locked until the transaction ends.

    Args:
        to_delete: lock the row against new references, too, such as a task that is put into it.
    """
    wanted = ids.parsed(project_id)
    rows = Project.objects.defer(*_DEFERRED).select_for_update(no_key=not to_delete)
    project = rows.filter(pk=wanted).first() if wanted and actor.is_authenticated else None
    # Read once the row is locked, as another manager may have changed it until then.
    role = role_of(actor, wanted) if project else None
    if project is None or (role is None and not actor.is_administrator):
        raise not_found(project_id)
    return project, role


def is_archived(project_id: UUID | None) -> bool:
    """Return whether the project is archived, so that each write to what lies in it is a Conflict."""
    project = _by_id.first(project_id=project_id) if project_id is not None else None
    return project is not None and project.is_archived


def archived_among(project_ids: Collection[UUID]) -> set[UUID]:
    """Return those of these projects that are archived (see `is_archived`)."""
    if not project_ids:
        return set()
    return set(Project.objects.filter(pk__in=project_ids, status=Status.ARCHIVED).values_list("pk", flat=True))


def list_projects(actor: Actor, request: PageRequest, only: Filter = Filter()) -> Page[Project]:
    """Return a page of the projects that the actor may see, most recently updated first.

    Raises:
        ValidationError: on `query`, `page_size` or `page_token`.
    """
    request = replace(request, bound_to={**request.bound_to, "caller": actor.pk, **only.bound_to()})
    return page(_selection(actor, only), request, LAST_UPDATED_FIRST)


def list_members(actor: Actor, project_id: str, request: PageRequest) -> Page[ProjectMember]:
    """Return a page of the members of a project, in the order in which they were added.

    Raises:
        Project.DoesNotExist
        ValidationError: on `page_size` or `page_token`.
    """
    project, _ = get_project(actor, project_id)
    request = replace(request, bound_to={**request.bound_to, "caller": actor.pk, "project": project.pk})
    members = ListQuery(ProjectMember, _members, (), {"project_id": project.pk})
    return page(members, request, FIRST_ADDED_FIRST)


def get_project_stats(actor: Actor, project_id: str) -> Mapping[str, int | Mapping[str, int]]:
    """Return the figures of what lies in a project, by field of project.v1.GetProjectStatsResponse.

    Raises:
        Project.DoesNotExist
    """
    project, _ = get_project(actor, project_id)
    return {name: figure for kind in contents.registered for name, figure in kind.figures(project.pk).items()}


def not_found(project_id: str) -> Project.DoesNotExist:
    """Return the error for a project that does not exist or that the caller may not see."""
    return Project.DoesNotExist(f"Project with ID '{project_id}' not found")


def member_not_found(user_id: str) -> ProjectMember.DoesNotExist:
    """Return the error for a user who is not a member."""
    return ProjectMember.DoesNotExist(f"Member with ID '{user_id}' not found")


def _may_be_member(actor: Actor) -> bool:
    """Return whether the actor is a user; a part of the system has a name in place of an id."""
    return actor.is_authenticated and ids.parsed(str(actor.pk)) is not None


def _selection(actor: Actor, only: Filter) -> ListQuery[Project]:
    """Return the list query of the projects that match the filter and that the actor may see."""
    query = search.checked_query(only.query)
    if not actor.is_authenticated:
        return ListQuery(Project, Project.objects.none)
    found_by: dict[str, Value | None] = {
        "member_id": None if actor.is_administrator else actor.pk,
        "query": query or None,
    }
    values = {name: value for name, value in found_by.items() if value is not None}
    return ListQuery(
        Project,
        _matching,
        (frozenset(only.statuses),),
        values,
        # The projects of one member are scattered over the order, and few: all are fetched before they are sorted.
        scattered=bool(values or only.statuses),
        few=COUNT_LIMIT if "member_id" in values else 0,
        deferred=_DEFERRED,
    )


def _matching(statuses: Collection[int], member_id: UUID | None = None, query: str | None = None) -> QuerySet[Project]:
    rows = Project.objects.all() if member_id is None else Project.objects.visible_to_member(member_id)
    if statuses:
        rows = rows.filter(status__in=sorted(statuses))
    return rows if query is None else rows.filter(search.matches("search_words", query))


def _members(project_id: UUID) -> QuerySet[ProjectMember]:
    return ProjectMember.objects.filter(project=project_id)
