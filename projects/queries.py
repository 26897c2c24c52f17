"""Queries of projects and members, limited to what the actor may see."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from core.actors import Actor
from core.db import ids
from core.db.compiled_queries import Prepared
from projects.models import Project, ProjectMember, Role, ids_of_member

# The column is only used by the search.
_DEFERRED = ("search_words",)
_by_id = Prepared(lambda project_id: Project.objects.defer(*_DEFERRED).filter(pk=project_id))
_membership = Prepared(lambda project_id, user_id: ProjectMember.objects.filter(project=project_id, user=user_id))


def project_ids(actor: Actor, least: Role = Role.VIEWER) -> QuerySet[Any, Any]:
    """Return the ids of the projects that the actor is a member of with at least this role, as a subquery for `__in`.

    An administrator, who sees all projects, needs none.
    """
    return ids_of_member(actor.pk, least)


def role_of(actor: Actor, project_id: UUID | None) -> Role | None:
    """Return the actor's role in the project; None = they are not a member, or `project_id` is None."""
    if project_id is None or not actor.is_authenticated:
        return None
    membership = _membership.first(project_id=project_id, user_id=actor.pk)
    return Role(membership.role) if membership else None


def roles_of(actor: Actor, project_ids: Collection[UUID]) -> Mapping[UUID, Role]:
    """Return the actor's roles in these projects, without those that they are not a member of."""
    if not project_ids or not actor.is_authenticated:
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


def is_archived(project_id: UUID | None) -> bool:
    """Return whether the project is archived, so that each write to what lies in it is a Conflict."""
    project = _by_id.first(project_id=project_id) if project_id is not None else None
    return project is not None and project.is_archived


def not_found(project_id: str) -> Project.DoesNotExist:
    """Return the error for a project that does not exist or that the caller may not see."""
    return Project.DoesNotExist(f"Project with ID '{project_id}' not found")
