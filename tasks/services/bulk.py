"""Creation and change of many tasks in one stream (`core.bulk`)."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.utils import timezone

from changes.services import acting
from core.actors import Actor
from core.bulk import ITEM_ERRORS, BulkItem, Chunk
from core.db import ids
from core.db.bulk_insert import insert_many, update_many
from core.db.integrity import translate_integrity_errors
from core.db.saving import clean, set_clean
from core.errors import AlreadyExists, Conflict
from core.preconditions import ANY_VERSION, ExpectedVersion
from projects.models import Project, Role
from projects.queries import archived_among, roles_of
from projects.services import ARCHIVED, projects_for
from tasks import queries
from tasks.metrics import tasks_created
from tasks.models import Task
from tasks.services import (
    assignable,
    assignee_of,
    build_task,
    changes_of,
    check_may_change,
    completion_time,
    continue_versions,
    moved_to,
    projects_of,
)


@dataclass(frozen=True, slots=True)
class TaskChange:
    """A change of one task: the arguments of `update_task`."""

    task_id: str
    fields: Mapping[str, Any]
    more_metadata: Mapping[str, str] | None = None
    expected_version: ExpectedVersion = ANY_VERSION


def build_tasks(actor: Actor, many: Sequence[Mapping[str, Any]]) -> list[Task | Exception]:
    """Build and check tasks, without saving them. Return the task, or its error, of each of `many`.

    Args:
        many: the fields of each, as for `create_task`.
    """
    people = assignable(actor, {assignee_of(fields) for fields in many})
    projects = projects_for(actor, projects_of(many))
    return [_checked(actor, fields, people, projects) for fields in many]


def create_tasks(actor: Actor, chunk: Chunk) -> None:
    """Save the tasks of a chunk's rows, in a constant number of statements. Rows with errors are rejected."""
    with acting(actor):
        chunk.skip_replayed()
        keep_projects(actor, chunk, lambda row: row.values.get("project_id") or "")
        chunk.save(lambda rows: _insert(chunk, rows))


def keep_projects(actor: Actor, chunk: Chunk, project_of: Callable[[BulkItem], str]) -> None:
    """Keep the projects of a chunk's rows as they are until the transaction ends. Reject the rows whose project has
    been archived or deleted, or the actor's role in it taken, since they were built.
    """
    named = [(row, project_id) for row in chunk.pending if (project_id := project_of(row))]
    projects = projects_for(actor, {project_id for _, project_id in named})
    for row, project_id in named:
        if isinstance(found := projects[project_id], Exception):
            chunk.reject(row, found)


def _checked(
    actor: Actor, fields: Mapping[str, Any], people: Mapping[str, UUID], projects: Mapping[str, Project | Exception]
) -> Task | Exception:
    try:
        task, errors = build_task(actor, fields, people, projects)
        # Defaults are valid and need no check; the title has none.
        clean(task, only={"title", *fields}, extra_errors=errors)
    except ITEM_ERRORS as exc:
        return exc
    return task


def _insert(chunk: Chunk, rows: Sequence[BulkItem]) -> None:
    """Insert the rows' tasks. Reject those whose id is taken, in the database or by an earlier row."""
    first: dict[UUID, BulkItem] = {}
    repeated = [row for row in rows if first.setdefault(row.instance.pk, row) is not row]
    continue_versions({pk: row.instance for pk, row in first.items() if row.values.get("id")})
    # In the order of ids, so that two callers that choose the same ids do not deadlock.
    tasks = [first[pk].instance for pk in sorted(first)]
    with translate_integrity_errors(rows[0].instance) if len(rows) == 1 else nullcontext():
        taken = insert_many(Task, tasks, skip_taken=True)
    for row in [*repeated, *(first[pk] for pk in taken)]:
        chunk.reject(row, AlreadyExists(Task.already_exists["tasks_task_pkey"].format(row.instance)))
    tasks_created.inc(len(tasks) - len(taken))


def update_tasks(actor: Actor, chunk: Chunk) -> None:
    """Make the changes of a chunk's rows, whose `values` are TaskChanges. Rows with errors are rejected.

    It takes a constant number of statements for the first change of each task, and as many for the second.
    """
    with acting(actor):
        chunk.skip_replayed()
        for rows in _rounds(chunk.pending):
            part = replace(chunk, rows=rows)
            part.save(lambda rows, part=part: _update(actor, part, rows))  # type: ignore[misc]


def _rounds(rows: Sequence[BulkItem]) -> list[list[BulkItem]]:
    """Divide the rows into rounds in which each task occurs once, so that a change builds on those before it."""
    rounds = defaultdict[int, list[BulkItem]](list)
    seen = defaultdict[str, int](int)
    for row in rows:
        task_id = row.values.task_id.lower()
        rounds[seen[task_id]].append(row)
        seen[task_id] += 1
    return [rounds[number] for number in sorted(rounds)]


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """Arguments of `changes_of` for all tasks of a round."""

    actor: Actor
    people: Mapping[str, UUID]
    projects: Mapping[str, Project | Exception]
    roles: Mapping[UUID, Role]
    archived: set[UUID]


def _update(actor: Actor, chunk: Chunk, rows: Sequence[BulkItem]) -> None:
    tasks = {row.index: ids.parsed(row.values.task_id) for row in rows}
    found = queries.get_tasks_for_update(actor, {task_id for task_id in tasks.values() if task_id})
    pairs = [(row, found.get(tasks[row.index])) for row in rows]  # type: ignore[arg-type]
    known = [(row.values.fields, task) for row, task in pairs if task]
    of_tasks = {task.project_id for task in found.values() if task.project_id}
    around = _Surroundings(
        actor,
        assignable(actor, {assignee for fields, _ in known if (assignee := fields.get("assigned_to"))}),
        projects_for(actor, {project_id for fields, task in known if (project_id := moved_to(task, fields))}),
        roles_of(actor, of_tasks),
        archived_among(of_tasks),
    )
    changed: dict[Task, set[str]] = {}
    for row, task in pairs:
        try:
            if task is None:
                raise queries.not_found(row.values.task_id)
            if names := _change(task, row.values, around):
                changed[task] = names
            row.instance = task
        except ITEM_ERRORS as exc:
            chunk.reject(row, exc)
    if changed:
        with translate_integrity_errors(next(iter(changed))) if len(rows) == 1 else nullcontext():
            update_many(Task, list(changed), set().union(*changed.values()))


def _change(task: Task, change: TaskChange, around: _Surroundings) -> set[str]:
    """Set the fields of a locked task as `update_task` does, without saving them. Return the names of those to save."""
    role = around.roles.get(task.project_id) if task.project_id else None
    check_may_change(around.actor, task, role)
    if task.project_id in around.archived:
        raise Conflict(ARCHIVED)
    task.require_version(change.expected_version)
    changes, errors = changes_of(
        around.actor, task, change.fields, around.people, around.projects, role, more_metadata=change.more_metadata
    )
    changed = set(set_clean(task, changes, extra_errors=errors))
    if not changed:
        return changed
    task.completed_at = completion_time(task.status, task.completed_at)
    task.version, task.updated_at = task.version + 1, timezone.now()
    return changed | {"completed_at", "version", "updated_at"}
