"""Write operations on tasks."""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from changes.queries import first_versions
from changes.services import acting
from core.actors import Actor
from core.db import ids
from core.db.saving import save_clean
from core.preconditions import ANY_VERSION, ExpectedVersion
from projects.models import Project, Role
from projects.queries import role_of
from projects.services import projects_for, require_not_archived
from tasks import policies, queries
from tasks.metrics import tasks_created
from tasks.models import Status, Task
from users.models import OPEN_ACCOUNT_STATUSES, User
from users.queries import resolve_id


def create_task(actor: Actor, fields: Mapping[str, Any], *, inherited: UUID | None = None) -> Task:
    """Create a task.

    Args:
        fields: of `Task`, but `id`, `assigned_to` and `project_id` as the client wrote them. The default of `id` is a
            new one; `assigned_to` is a user's id or `me`, which is the default; an empty `project_id` = no project.
        inherited: the project of what the task is made of, in which the actor need not be an editor.

    Raises:
        ValidationError: names each invalid field.
        AlreadyExists: there is a task with this id.
        PermissionDenied, Conflict: see `projects.services.project_for`.
    """
    with acting(actor):
        projects = projects_for(actor, projects_of([fields]))
        task, errors = build_task(actor, fields, assignable(actor, [assignee_of(fields)]), projects)
        task.project_id = task.project_id or inherited
        if fields.get("id"):
            continue_versions({task.pk: task})
        save_clean(task, extra_errors=errors)
    tasks_created.inc()
    return task


def update_task(
    actor: Actor,
    task_id: str,
    fields: Mapping[str, Any],
    *,
    more_metadata: Mapping[str, str] | None = None,
    expected_version: ExpectedVersion = ANY_VERSION,
) -> Task:
    """Set these fields of a task; all others keep their values.

    Args:
        fields: `assigned_to` and `project_id` as the client wrote them: a user's id or `me`, and a project's id;
            empty = unassigned, and no project.
        more_metadata: added to the metadata; replaces entries of the same names.

    Raises:
        Task.DoesNotExist, PermissionDenied, Stale, ValidationError
        Conflict: the task's project, or the one that it is put into, is archived.
    """
    with acting(actor):
        task = queries.get_task_for_update(actor, task_id)
        role = role_of(actor, task.project_id)
        check_may_change(actor, task, role)
        require_not_archived(task.project_id)
        task.require_version(expected_version)
        assignee, project_id = fields.get("assigned_to"), moved_to(task, fields)
        changes, errors = changes_of(
            actor,
            task,
            fields,
            assignable(actor, [assignee] if assignee else []),
            projects_for(actor, [project_id] if project_id else []),
            role,
            more_metadata=more_metadata,
        )
        also = {"completed_at": completion_time(changes.get("status", task.status), task.completed_at)}
        return save_clean(task, also=also, extra_errors=errors, **changes)


def check_may_change(actor: Actor, task: Task, role: Role | None) -> None:
    """Raise PermissionDenied unless the actor, with this role in the task's project, may change the task."""
    if not policies.may_change(actor, task, role):
        raise PermissionDenied("Only editors of its project, its creator and its assignee may change a task.")


def moved_to(task: Task, fields: Mapping[str, Any]) -> str | None:
    """Return the project that these fields move the task to: empty = out of its project, None = it stays."""
    project_id: str | None = fields.get("project_id")
    return None if project_id == str(task.project_id or "") else project_id


def changes_of(
    actor: Actor,
    task: Task,
    fields: Mapping[str, Any],
    people: Mapping[str, UUID],
    projects: Mapping[str, Project | Exception],
    role: Role | None,
    *,
    more_metadata: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], dict[str, ValidationError]]:
    """Return the values by column to which these fields change the task, and the errors of its references by field.

    Args:
        fields: as for `update_task`.
        people: the ids of the users that may be assigned, by reference.
        projects: as `projects.services.projects_for` returns them.
        role: of the actor in the task's project.

    Raises:
        PermissionDenied, Conflict: the actor may not move the task to the project, or out of its own.
    """
    changes, errors = dict(fields), {}
    if more_metadata:
        changes["metadata"] = task.metadata | more_metadata
    if (assignee := changes.pop("assigned_to", None)) is not None:
        assignee_id = changes["assigned_to_id"] = resolve_id(actor, assignee)
        # The present assignee is accepted even if the account is closed.
        if assignee and assignee_id != task.assigned_to_id and assignee not in people:
            errors["assigned_to"] = _unknown_user()
    changes.pop("project_id", None)
    if (project_id := moved_to(task, fields)) is not None:
        if task.project_id and not policies.may_take_out(actor, task, role):
            raise PermissionDenied("Only editors of its project and its creator may take a task out of a project.")
        match projects[project_id] if project_id else None:
            case ValidationError() as exc:
                errors["project_id"] = _of_project(exc)
            case Exception() as exc:
                raise exc
            case project:
                changes["project_id"] = project.pk if project else None
    return changes, errors


def delete_task(actor: Actor, task_id: str, *, expected_version: ExpectedVersion = ANY_VERSION) -> None:
    """Delete the task for good. The change log keeps its last state.

    Raises:
        Task.DoesNotExist, PermissionDenied, Stale
        Conflict: its project is archived.
    """
    with acting(actor):
        task = queries.get_task_for_update(actor, task_id)
        if not policies.may_delete(actor, task, role_of(actor, task.project_id)):
            raise PermissionDenied(
                "Only the creator of a task, managers of its project and administrators may delete it."
            )
        require_not_archived(task.project_id)
        task.require_version(expected_version)
        task.delete()


def assignee_of(fields: Mapping[str, Any]) -> str:
    """Return the reference to the assignee of a new task."""
    return fields.get("assigned_to") or "me"


def projects_of(many: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the references to projects in the fields of new tasks."""
    return {project_id for fields in many if (project_id := fields.get("project_id"))}


def assignable(actor: Actor, references: Iterable[str]) -> dict[str, UUID]:
    """Resolve references to the actor and to users with open accounts. Return ids by reference, without others."""
    resolved = {text: user_id for text in references if (user_id := resolve_id(actor, text))}
    known = {actor.pk}
    if others := set(resolved.values()) - known:
        known.update(User.objects.filter(pk__in=others, status__in=OPEN_ACCOUNT_STATUSES).values_list("pk", flat=True))
    return {text: user_id for text, user_id in resolved.items() if user_id in known}


def build_task(
    actor: Actor,
    fields: Mapping[str, Any],
    people: Mapping[str, UUID],
    projects: Mapping[str, Project | Exception],
) -> tuple[Task, dict[str, ValidationError]]:
    """Return a new task, which is neither checked nor saved, and the errors of its references by field.

    Args:
        fields: as for `create_task`.
        people: the ids of the users that may be assigned, by reference.
        projects: as `projects.services.projects_for` returns them.

    Raises:
        PermissionDenied, Conflict: the actor may put no task into the project.
    """
    errors = {}
    values = {name: value for name, value in fields.items() if name not in ("id", "assigned_to", "project_id")}
    match projects[fields["project_id"]] if fields.get("project_id") else None:
        case Project() as project:
            values["project_id"] = project.pk
        case ValidationError() as exc:
            errors["project_id"] = _of_project(exc)
        case Exception() as exc:
            raise exc
    if chosen := fields.get("id"):
        if (task_id := ids.parsed(chosen)) is None:
            errors["id"] = ValidationError("Give a UUID, as in 0198a3c0-0000-7000-8000-000000000000.", code="uuid")
        else:
            values["id"] = task_id
    assignee_id = people.get(assignee_of(fields))
    if assignee_id is None:
        errors["assigned_to"] = _unknown_user()
    task = Task(**values, created_by_id=actor.pk, assigned_to_id=assignee_id)
    task.completed_at = completion_time(task.status, None)
    return task, errors


def continue_versions(tasks: Mapping[UUID, Task]) -> None:
    """Let new tasks with client-chosen ids continue the version numbers of deleted tasks with the same ids."""
    for task_id, version in first_versions("task", tasks.keys()).items():
        tasks[task_id].version = version


def completion_time(status: int, before: datetime.datetime | None) -> datetime.datetime | None:
    """Return when a task with this status became DONE, if it did `before`; None = it is not DONE."""
    return (before or timezone.now()) if status == Status.DONE else None


def _of_project(error: ValidationError) -> ValidationError:
    return ValidationError(error.error_dict["project_id"])


def _unknown_user() -> ValidationError:
    return ValidationError("There is no such user, or the account is closed.", code="unknown")
