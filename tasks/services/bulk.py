"""Creation of many tasks in one stream (`core.bulk`)."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any
from uuid import UUID

from changes.services import acting
from core.actors import Actor
from core.bulk import ITEM_ERRORS, BulkItem, Chunk
from core.db.bulk_insert import insert_many
from core.db.integrity import translate_integrity_errors
from core.db.saving import clean
from core.errors import AlreadyExists
from projects.models import Project
from projects.services import projects_for
from tasks.metrics import tasks_created
from tasks.models import Task
from tasks.services import assignable, assignee_of, build_task, continue_versions, projects_of


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
