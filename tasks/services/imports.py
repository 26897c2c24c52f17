"""Import of tasks of other systems in bulk. It can be repeated after changes in the source."""

import datetime
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from changes.services import acting
from core.actors import Actor
from core.bulk import ITEM_ERRORS, BulkItem, Chunk
from core.db.bulk_insert import insert_many
from core.db.saving import clean, save_clean
from projects.models import Project
from projects.services import projects_for
from tasks.metrics import tasks_created
from tasks.models import Status, Task, TaskOrigin
from tasks.services.bulk import keep_projects
from users.models import OPEN_ACCOUNT_STATUSES, User

#: The fields that a repeated import may change. Creator and time of creation stay.
FIELDS = (
    "title", "description", "status", "priority", "labels", "due_date", "metadata", "assigned_to_id", "project_id",
)  # fmt: skip


class Fate(StrEnum):
    """Results of the import of a task."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    #: The task was imported before, and has been deleted here since.
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Imported:
    """A task of another system.

    Attributes:
        source: the system and the project in it, such as `todoist/Home`.
        external_id: the task's id, unique in the source.
        fields: of `FIELDS`, with the model's values.
        created_by_id: a user; None = no user of this server.
        completed_at: None = not completed, or unknown.
    """

    source: str
    external_id: str
    fields: Mapping[str, Any]
    created_by_id: UUID | None = None
    created_at: datetime.datetime | None = None
    completed_at: datetime.datetime | None = None


@dataclass(slots=True)
class Draft:
    """A checked task, and the result of its import."""

    task: Task
    digests: dict[str, str]
    fate: Fate = Fate.CREATED


def check_may_import(actor: Actor) -> None:
    """Raise PermissionDenied unless the actor is an administrator: imports set other users' names and past dates."""
    if not (actor.is_authenticated and actor.is_administrator):
        raise PermissionDenied("Only an administrator may import tasks.")


def build_imported_tasks(actor: Actor, many: Sequence[Imported]) -> list[Draft | Exception]:
    """Build and check the tasks of other systems, without saving them. Return the draft, or the error, of each.

    Raises:
        PermissionDenied
    """
    check_may_import(actor)
    people = _known(many)
    projects = projects_for(actor, {_project_of(given) for given in many} - {""})
    return [_draft_or_error(given, people, projects) for given in many]


def import_tasks(actor: Actor, chunk: Chunk) -> None:
    """Write checked tasks: create new ones, and update the fields of known ones that have changed in the source since
    the last import. A row's `problem` holds its error.

    Raises:
        PermissionDenied
    """
    check_may_import(actor)

    def save(rows: Sequence[BulkItem]) -> None:
        _save(chunk, rows)

    with acting(actor, "import"):
        chunk.skip_replayed()
        keep_projects(actor, chunk, lambda row: _project_of(row.values))
        chunk.save(save)


def _project_of(given: Imported) -> str:
    return str(given.fields.get("project_id") or "")


def _known(many: Iterable[Imported]) -> dict[UUID, bool]:
    """Return the users that tasks name, and whether each account is open."""
    user_ids = {user_id for one in many for user_id in (one.created_by_id, one.fields.get("assigned_to_id")) if user_id}
    found = User.objects.filter(pk__in=user_ids).values_list("pk", "status") if user_ids else ()
    return {user_id: status in OPEN_ACCOUNT_STATUSES for user_id, status in found}


def _draft_or_error(
    given: Imported, people: Mapping[UUID, bool], projects: Mapping[str, Project | Exception]
) -> Draft | Exception:
    if isinstance(problem := projects.get(_project_of(given)), Exception):
        return problem
    try:
        return _draft(given, people)
    except ITEM_ERRORS as exc:
        return exc


def _draft(given: Imported, people: Mapping[UUID, bool]) -> Draft:
    errors = {}
    for name, limit in (("source", 100), ("external_id", 300)):
        if not 0 < len(getattr(given, name)) <= limit:
            errors[name] = ValidationError(f"Give 1 to {limit} characters.", code="max_length")
    if (assignee := given.fields.get("assigned_to_id")) and not people.get(assignee):
        errors["assigned_to"] = ValidationError("There is no such user, or the account is closed.", code="unknown")
    created_by_id = given.created_by_id if given.created_by_id in people else None
    task = Task(**given.fields, source=given.source, created_by_id=created_by_id)
    task.created_at = given.created_at or task.created_at
    task.completed_at = (given.completed_at or timezone.now()) if task.status == Status.DONE else None
    clean(task, only={"title", *given.fields}, extra_errors=errors)
    return Draft(task, {name: _digest(getattr(task, name)) for name in given.fields})


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _save(chunk: Chunk, rows: Sequence[BulkItem]) -> None:
    sources = {row.values.source for row in rows}
    called = {row.values.external_id for row in rows}
    found = TaskOrigin.objects.filter(source__in=sources, external_id__in=called).select_for_update().order_by("id")
    origins = {(origin.source, origin.external_id): origin for origin in found}
    new = [row for row in rows if (row.values.source, row.values.external_id) not in origins]
    _insert(new)
    held = {origin.task_id for origin in origins.values() if origin.task_id}
    # In the order of ids, so that two imports do not deadlock.
    tasks = {task.pk: task for task in Task.objects.filter(pk__in=held).select_for_update().order_by("id")}
    for row in rows:
        origin = origins.get((row.values.source, row.values.external_id))
        if origin is None:
            continue
        task = tasks.get(origin.task_id) if origin.task_id else None
        try:
            row.instance.fate = _update(origin, task, row.instance)
        except ITEM_ERRORS as exc:
            chunk.reject(row, exc)


def _insert(rows: Sequence[BulkItem]) -> None:
    if not rows:
        return
    for row in rows:
        row.instance.fate = Fate.CREATED
    insert_many(Task, [row.instance.task for row in rows])
    TaskOrigin.objects.bulk_create(
        TaskOrigin(
            source=row.values.source,
            external_id=row.values.external_id,
            task_id=row.instance.task.pk,
            digests=row.instance.digests,
        )
        for row in rows
    )
    tasks_created.inc(len(rows))


def _update(origin: TaskOrigin, task: Task | None, imported: Draft) -> Fate:
    """Update the task's fields that have changed in the source since the last import."""
    if task is None:
        return Fate.DELETED
    changed = [name for name, digest in imported.digests.items() if origin.digests.get(name) != digest]
    if not changed:
        return Fate.UNCHANGED
    changes = {name: getattr(imported.task, name) for name in changed}
    also = {}
    if "status" in changes:
        done = changes["status"] == Status.DONE
        also["completed_at"] = (task.completed_at or imported.task.completed_at) if done else None
    if "metadata" in changes:
        # Metadata that was added here is kept.
        changes["metadata"] = task.metadata | changes["metadata"]
    version = task.version
    save_clean(task, also=also, **changes)
    origin.digests |= imported.digests
    origin.save(update_fields=["digests"])
    return Fate.UPDATED if task.version != version else Fate.UNCHANGED
