"""Write operations on tasks."""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from changes.queries import first_versions
from changes.services import acting
from core.bulk import BulkItem, Chunk
from core.db import ids
from core.errors import AlreadyExists
from core.models import clean, draft, insert_many, save_clean, translate_integrity_errors
from core.preconditions import ANY_VERSION, ExpectedVersion
from tasks import policies, queries
from tasks.metrics import tasks_created
from tasks.models import Status, Task
from users.models import OPEN_ACCOUNT_STATUSES, User
from users.queries import resolve_id

#: The new task, or the error for which it was not created.
Outcome = Task | ValidationError | AlreadyExists


def create_task(actor: Any, fields: Mapping[str, Any]) -> Task:
    """Create a task.

    Args:
        fields: of `Task`, but `id` and `assigned_to` as the client wrote them. The default of `id` is a new one;
            `assigned_to` is a user's id or `me`, which is the default.

    Raises:
        ValidationError: names each invalid field.
        AlreadyExists: there is a task with this id.
    """
    (outcome,) = create_tasks(actor, [fields])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def create_tasks(actor: Any, many: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Create tasks as `create_task` does, in one transaction and a constant number of statements.

    Returns:
        The task or the error of each, in their order; valid tasks are created in spite of invalid ones.

    Raises:
        ValidationError: an assignee was deleted concurrently.
    """
    outcomes = _drafts(actor, many)
    _insert(actor, outcomes, [bool(fields.get("id")) for fields in many])
    return outcomes


def check_tasks_in_bulk(actor: Any, chunk: Chunk) -> None:
    """Set each row's `instance` to a validated draft of its `values`, or to the error. Write nothing."""
    rows = chunk.pending
    for row, outcome in zip(rows, _drafts(actor, [row.values for row in rows]), strict=True):
        row.instance = outcome


def create_tasks_in_bulk(actor: Any, chunk: Chunk) -> None:
    """Create the tasks of checked rows, as `create_tasks` does. Errors are stored in their rows."""

    def save(rows: Sequence[BulkItem]) -> None:
        outcomes = [row.instance for row in rows]
        _insert(actor, outcomes, [bool(row.values.get("id")) for row in rows])
        for row, outcome in zip(rows, outcomes, strict=True):
            if isinstance(outcome, Exception):
                chunk.reject(row, outcome)

    with acting(actor):
        chunk.skip_replayed()
        chunk.save(save)


def update_task(
    actor: Any,
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
        expected_version.check(task.version)
        if more_metadata:
            changes["metadata"] = task.metadata | more_metadata
        errors = {}
        if (assignee := changes.pop("assigned_to", None)) is not None:
            assignee_id = changes["assigned_to_id"] = resolve_id(actor, assignee)
            # The present assignee is accepted even if the account is closed.
            if assignee and assignee_id != task.assigned_to_id and assignee not in _assignable(actor, [assignee]):
                errors["assigned_to"] = _unknown_user()
        also = {"completed_at": _completed_at(changes.get("status", task.status), task.completed_at)}
        with _with_errors(errors):
            return save_clean(task, also=also, **changes)


def delete_task(actor: Any, task_id: str, *, expected_version: ExpectedVersion = ANY_VERSION) -> None:
    """Delete the task for good. The change log keeps its last state.

    Raises:
        Task.DoesNotExist, PermissionDenied, Stale
    """
    with acting(actor):
        task = queries.get_task_for_update(actor, task_id)
        if not policies.may_delete(actor, task):
            raise PermissionDenied("Only the creator of a task and administrators may delete it.")
        expected_version.check(task.version)
        task.delete()


def _assignable(actor: Any, references: Iterable[str]) -> dict[str, UUID]:
    """Resolve references to the actor and to users with open accounts. Return ids by reference, without others."""
    resolved = {text: user_id for text in references if (user_id := resolve_id(actor, text))}
    known = {actor.pk}
    if others := set(resolved.values()) - known:
        known.update(User.objects.filter(pk__in=others, status__in=OPEN_ACCOUNT_STATUSES).values_list("pk", flat=True))
    return {text: user_id for text, user_id in resolved.items() if user_id in known}


def _drafts(actor: Any, many: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    people = _assignable(actor, {fields.get("assigned_to") or "me" for fields in many})
    return [_draft(actor, fields, people) for fields in many]


def _insert(actor: Any, outcomes: list[Outcome], chosen: Sequence[bool]) -> None:
    """Insert the drafts. Replace those whose id is taken with AlreadyExists.

    Args:
        chosen: for each draft, whether the client chose its id.
    """
    _reject_taken(outcomes, _repeated(outcomes))
    # In the order of ids, so that two callers that choose the same ids do not deadlock.
    drafts = sorted((outcome for outcome in outcomes if isinstance(outcome, Task)), key=attrgetter("pk"))
    if not drafts:
        return
    with acting(actor), translate_integrity_errors(drafts[0]):
        drafted = zip(outcomes, chosen, strict=True)
        _continue_versions({task.pk: task for task, by_client in drafted if isinstance(task, Task) and by_client})
        taken = insert_many(Task, [vars(task) for task in drafts], skip_taken=True)
    for task in drafts:
        task._state.adding = False
    if taken:
        _reject_taken(outcomes, [index for index, o in enumerate(outcomes) if isinstance(o, Task) and o.pk in taken])
    tasks_created.inc(len(drafts) - len(taken))


def _draft(actor: Any, fields: Mapping[str, Any], people: Mapping[str, UUID]) -> Outcome:
    """Return the task to be inserted, or an error that names all invalid fields."""
    own = {name: value for name, value in fields.items() if name not in ("id", "assigned_to")}
    errors = {}
    if chosen := fields.get("id"):
        own["id"] = ids.parsed(chosen)
        if own["id"] is None:
            errors["id"] = ValidationError("Give a UUID, as in 0198a3c0-0000-7000-8000-000000000000.", code="uuid")
    assignee_id = people.get(fields.get("assigned_to") or "me")
    if assignee_id is None:
        errors["assigned_to"] = _unknown_user()
    task = draft(Task, **own, created_by_id=actor.pk, assigned_to_id=assignee_id)
    task.completed_at = _completed_at(task.status, None)
    try:
        with _with_errors(errors):
            # Defaults are valid and need no validation; the title has none.
            clean(task, only={"title", *own})
    except ValidationError as exc:
        return exc
    return task


def _continue_versions(chosen: Mapping[UUID, Task]) -> None:
    """Let tasks with client-chosen ids continue the version numbers of deleted tasks with the same ids."""
    for task_id, version in first_versions("task", chosen.keys()).items():
        chosen[task_id].version = version


def _repeated(outcomes: Sequence[Outcome]) -> Iterator[int]:
    """Yield the indices of drafts whose id occurs earlier in the list."""
    seen = set()
    for index, outcome in enumerate(outcomes):
        if isinstance(outcome, Task):
            if outcome.pk in seen:
                yield index
            seen.add(outcome.pk)


def _reject_taken(outcomes: list[Outcome], indices: Iterable[int]) -> None:
    """Replace these drafts with AlreadyExists."""
    for index in list(indices):
        outcomes[index] = AlreadyExists(Task.already_exists["tasks_task_pkey"].format(outcomes[index]))


def _completed_at(status: int, before: datetime.datetime | None) -> datetime.datetime | None:
    return (before or timezone.now()) if status == Status.DONE else None


def _unknown_user() -> ValidationError:
    return ValidationError("There is no such user, or the account is closed.", code="unknown")


@contextmanager
def _with_errors(errors: Mapping[str, ValidationError]) -> Iterator[None]:
    """Raise these errors together with those of the block, and so roll back its writes."""
    found: dict[str, Any] = dict(errors)
    try:
        yield
    except ValidationError as exc:
        found = exc.update_error_dict({name: [error] for name, error in errors.items()})
    if found:
        raise ValidationError(found)
