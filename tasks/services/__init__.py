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
from tasks import policies, queries
from tasks.metrics import tasks_created
from tasks.models import Status, Task
from users.models import OPEN_ACCOUNT_STATUSES, User
from users.queries import resolve_id


def create_task(actor: Actor, fields: Mapping[str, Any]) -> Task:
    """Create a task.

    Args:
        fields: of `Task`, but `id` and `assigned_to` as the client wrote them. The default of `id` is a new one;
            `assigned_to` is a user's id or `me`, which is the default.

    Raises:
        ValidationError: names each invalid field.
        AlreadyExists: there is a task with this id.
    """
    task, errors = build_task(actor, fields, assignable(actor, [assignee_of(fields)]))
    with acting(actor):
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
        fields: `assigned_to` as the client wrote it: a user's id, `me`, or empty = unassigned.
        more_metadata: added to the metadata; replaces entries of the same names.

    Raises:
        Task.DoesNotExist, Stale, ValidationError
    """
    changes = dict(fields)
    with acting(actor):
        task = queries.get_task_for_update(actor, task_id)
        task.require_version(expected_version)
        if more_metadata:
            changes["metadata"] = task.metadata | more_metadata
        errors = {}
        if (assignee := changes.pop("assigned_to", None)) is not None:
            assignee_id = changes["assigned_to_id"] = resolve_id(actor, assignee)
            # The present assignee is accepted even if the account is closed.
            if assignee and assignee_id != task.assigned_to_id and assignee not in assignable(actor, [assignee]):
                errors["assigned_to"] = _unknown_user()
        also = {"completed_at": _completed_at(changes.get("status", task.status), task.completed_at)}
        return save_clean(task, also=also, extra_errors=errors, **changes)


def delete_task(actor: Actor, task_id: str, *, expected_version: ExpectedVersion = ANY_VERSION) -> None:
    """Delete the task for good. The change log keeps its last state.

    Raises:
        Task.DoesNotExist, PermissionDenied, Stale
    """
    with acting(actor):
        task = queries.get_task_for_update(actor, task_id)
        if not policies.may_delete(actor, task):
            raise PermissionDenied("Only the creator of a task and administrators may delete it.")
        task.require_version(expected_version)
        task.delete()


def assignee_of(fields: Mapping[str, Any]) -> str:
    """Return the reference to the assignee of a new task."""
    return fields.get("assigned_to") or "me"


def assignable(actor: Actor, references: Iterable[str]) -> dict[str, UUID]:
    """Resolve references to the actor and to users with open accounts. Return ids by reference, without others."""
    resolved = {text: user_id for text in references if (user_id := resolve_id(actor, text))}
    known = {actor.pk}
    if others := set(resolved.values()) - known:
        known.update(User.objects.filter(pk__in=others, status__in=OPEN_ACCOUNT_STATUSES).values_list("pk", flat=True))
    return {text: user_id for text, user_id in resolved.items() if user_id in known}


def build_task(
    actor: Actor, fields: Mapping[str, Any], people: Mapping[str, UUID]
) -> tuple[Task, dict[str, ValidationError]]:
    """Return a new task, which is neither checked nor saved, and the errors of its references by field.

    Args:
        fields: as for `create_task`.
        people: the ids of the users that may be assigned, by reference.
    """
    errors = {}
    values = {name: value for name, value in fields.items() if name not in ("id", "assigned_to")}
    if chosen := fields.get("id"):
        if (task_id := ids.parsed(chosen)) is None:
            errors["id"] = ValidationError("Give a UUID, as in 0198a3c0-0000-7000-8000-000000000000.", code="uuid")
        else:
            values["id"] = task_id
    assignee_id = people.get(assignee_of(fields))
    if assignee_id is None:
        errors["assigned_to"] = _unknown_user()
    task = Task(**values, created_by_id=actor.pk, assigned_to_id=assignee_id)
    task.completed_at = _completed_at(task.status, None)
    return task, errors


def continue_versions(tasks: Mapping[UUID, Task]) -> None:
    """Let new tasks with client-chosen ids continue the version numbers of deleted tasks with the same ids."""
    for task_id, version in first_versions("task", tasks.keys()).items():
        tasks[task_id].version = version


def _completed_at(status: int, before: datetime.datetime | None) -> datetime.datetime | None:
    return (before or timezone.now()) if status == Status.DONE else None


def _unknown_user() -> ValidationError:
    return ValidationError("There is no such user, or the account is closed.", code="unknown")
