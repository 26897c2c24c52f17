"""Checks of writes to projects, and to what lies in them."""

from collections.abc import Collection, Mapping
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection

from core.actors import Actor
from core.db import ids
from core.errors import Conflict
from core.preconditions import ANY_VERSION, ExpectedVersion
from projects import policies, queries
from projects.models import Project, Role, Status

ARCHIVED = "The project is archived; unarchive it to change it or what is in it."


def project_to_manage(
    actor: Actor,
    project_id: str,
    expected_version: ExpectedVersion = ANY_VERSION,
    *,
    needs: Status = Status.ACTIVE,
    to_delete: bool = False,
) -> tuple[Project, Role | None]:
    """Return a project that the actor manages, with its row locked, and the actor's role in it.

    Args:
        needs: the status that the project must have.
        to_delete: lock the row against new references, too.

    Raises:
        Project.DoesNotExist, PermissionDenied, Stale
        Conflict: the project has the other status.
    """
    project, role = queries.get_project_for_update(actor, project_id, to_delete=to_delete)
    if not policies.may_manage(actor, role):
        raise PermissionDenied("Only managers of the project and administrators may change it.")
    project.require_version(expected_version)
    if project.status != needs:
        raise Conflict(ARCHIVED if project.is_archived else "The project is not archived.")
    return project, role


def project_for(actor: Actor, project_id: str, least: Role = Role.EDITOR, field: str = "project_id") -> Project:
    """Return the project into which the actor puts something, and keep it from being archived or deleted until the
    transaction ends.

    Args:
        project_id: as the client wrote it.
        least: the role that the actor needs in it. Administrators need none.
        field: the field of the request that names the project.

    Raises:
        ValidationError: on `field`: there is no such project, or the actor may not see it.
        PermissionDenied: the actor's role is too small.
        Conflict: the project is archived.
    """
    found = projects_for(actor, [project_id], least, field)[project_id]
    if isinstance(found, Exception):
        raise found
    return found


def projects_for(
    actor: Actor, project_ids: Collection[str], least: Role = Role.EDITOR, field: str = "project_id"
) -> Mapping[str, Project | Exception]:
    """Return for each of these ids what `project_for` returns or raises, with three statements for all."""
    wanted = {text: ids.parsed(text) for text in project_ids}
    known = {project_id for project_id in wanted.values() if project_id is not None}
    _lock_for_contents(known)
    visible = Project.objects.visible_to(actor).defer("search_words")
    rows = {project.pk: project for project in visible.filter(pk__in=known)} if known else {}
    roles = queries.roles_of(actor, rows)
    found = {text: rows.get(project_id) if project_id else None for text, project_id in wanted.items()}
    return {text: _checked(actor, project, roles, least, field) for text, project in found.items()}


def require_not_archived(project_id: UUID | None) -> None:
    """Check that what lies in this project may be written; None = it lies in no project.

    Raises:
        Conflict: the project is archived.
    """
    if queries.is_archived(project_id):
        raise Conflict(ARCHIVED)


def _checked(
    actor: Actor, project: Project | None, roles: Mapping[UUID, Role], least: Role, field: str
) -> Project | Exception:
    if project is None:
        return ValidationError({field: ValidationError("There is no such project.", code="unknown")})
    if not policies.has_role(actor, roles.get(project.pk), least):
        return PermissionDenied(f"This needs the role {least.label.lower()} in the project.")
    return Conflict(ARCHIVED) if project.is_archived else project


def _lock_for_contents(project_ids: Collection[UUID]) -> None:
    """Lock the rows of these projects, which others may lock in the same way."""
    if project_ids:
        with connection.cursor() as cursor:
            # The ORM has no FOR SHARE. In one order, so that two writers do not deadlock.
            cursor.execute(
                "SELECT FROM projects_project WHERE id = ANY (%s) ORDER BY id FOR SHARE", [sorted(project_ids)]
            )
