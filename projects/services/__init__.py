"""Write operations on projects, and checks for the apps whose rows lie in projects."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from changes.services import acting
from core import idempotency
from core.actors import Actor
from core.db.saving import save_clean
from core.errors import Conflict
from core.preconditions import ANY_VERSION, ExpectedVersion
from projects import contents
from projects.models import Project, ProjectMember, Role, Status
from projects.services.checks import ARCHIVED, project_for, project_to_manage, projects_for, require_not_archived
from projects.services.members import add_member, remove_member, update_member

__all__ = [
    "ARCHIVED",
    "add_member",
    "archive_project",
    "create_project",
    "delete_project",
    "project_for",
    "projects_for",
    "remove_member",
    "require_not_archived",
    "unarchive_project",
    "update_member",
    "update_project",
]

#: How many rows a large project releases in one transaction: some 0.3 s of work.
STEP = 2_000

#: A project, and the role of the actor in it; None = the actor is not a member.
Seen = tuple[Project, Role | None]


def create_project(actor: Actor, fields: Mapping[str, Any]) -> Seen:
    """Create a project, with the actor as its manager.

    Raises:
        ValidationError: every bad field is named.
        AlreadyExists: the name or the number is taken.
    """
    with acting(actor):
        project = Project(created_by_id=actor.pk)
        # First the member, so that the streams of the creator show that the project was created, not that it entered
        # their view. The database checks the reference at the end of the transaction.
        save_clean(ProjectMember(project=project, user_id=actor.pk, added_by_id=actor.pk), role=Role.MANAGER)
        save_clean(project, **fields)
    return project, Role.MANAGER


def update_project(
    actor: Actor, project_id: str, fields: Mapping[str, Any], *, expected_version: ExpectedVersion = ANY_VERSION
) -> Seen:
    """Set these fields of a project; all others keep their values.

    Raises:
        Project.DoesNotExist, PermissionDenied, Stale, ValidationError
        AlreadyExists: the name or the number is taken.
        Conflict: the project is archived.
    """
    with acting(actor):
        project, role = project_to_manage(actor, project_id, expected_version)
        return save_clean(project, **fields), role


def archive_project(actor: Actor, project_id: str, *, expected_version: ExpectedVersion = ANY_VERSION) -> Seen:
    """Make a project read-only, with everything in it.

    Raises:
        Project.DoesNotExist, PermissionDenied, Stale
        Conflict: the project is archived already.
    """
    with acting(actor):
        project, role = project_to_manage(actor, project_id, expected_version)
        return save_clean(project, status=Status.ARCHIVED), role


def unarchive_project(actor: Actor, project_id: str, *, expected_version: ExpectedVersion = ANY_VERSION) -> Seen:
    """Make an archived project writable again.

    Raises:
        Project.DoesNotExist, PermissionDenied, Stale
        AlreadyExists: the creator has another project of this name by now.
        Conflict: the project is not archived.
    """
    with acting(actor):
        project, role = project_to_manage(actor, project_id, expected_version, needs=Status.ARCHIVED)
        return save_clean(project, status=Status.ACTIVE), role


def delete_project(
    actor: Actor, project_id: str, *, force: bool = False, expected_version: ExpectedVersion = ANY_VERSION
) -> None:
    """Delete a project for good, with its members. What lies in it is released (`contents.Contents`).

    A project of more than `STEP` rows releases them step by step, each in a transaction of its own: a million in one
    would take longer than a call may, and keep all writers of the project waiting. If the call fails between two steps,
    what it released stays released, and the next call continues.

    Args:
        force: also if something lies in it.

    Raises:
        Project.DoesNotExist, PermissionDenied, Stale
        Conflict: the project is archived; without `force`: something lies in it.
    """
    for kind in contents.registered if force else ():
        if kind.release is None:
            _release_in_steps(actor, project_id, expected_version, kind)
    with acting(actor):
        project, _ = project_to_manage(actor, project_id, expected_version, to_delete=True)
        for kind in contents.registered:
            if not force and kind.of(project.pk).exists():
                raise Conflict(
                    f"The project holds {kind.model._meta.verbose_name_plural}; "
                    "move or delete what is in it, or delete it with force."
                )
            if kind.release is None:
                kind.of(project.pk).update(project=None)
            else:
                kind.release(project.pk)
        idempotency.forget(project.pk)
        project.delete()


def _release_in_steps(
    actor: Actor, project_id: str, expected_version: ExpectedVersion, kind: contents.Contents
) -> None:
    """Release all but the last rows of this kind in a large project."""
    last: UUID | None = None
    while True:
        with acting(actor):
            project, _ = project_to_manage(actor, project_id, expected_version)
            rows = kind.of(project.pk).order_by("pk")
            if last is not None:
                rows = rows.filter(pk__gt=last)  # Otherwise each step would read the places of those before it.
            some = list(rows.values_list("pk", flat=True)[: STEP + 1])
            if len(some) <= STEP:
                return
            last = some[STEP - 1]
            # Not those that another call has moved to another project in between.
            kind.of(project.pk).filter(pk__in=some[:STEP]).update(project=None)
