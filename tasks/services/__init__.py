"""Writing tasks: what an actor may do to them."""

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
from users.models import OPEN, User
from users.queries import resolve_id

#: The new task, or why there is none.
Outcome = Task | ValidationError | AlreadyExists


def create_task(actor: Any, fields: Mapping[str, Any]) -> Task:
    """A new task.

    Args:
        fields: of `Task`, but `id` and `assigned_to` as the client wrote them. Without `id` it gets one; `assigned_to`
            is a user's id or `me`, without it the actor is to do it.

    Raises:
        ValidationError: every bad field is named.
        AlreadyExists: there is a task with this id.
    """
    (outcome,) = create_tasks(actor, [fields])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def create_tasks(actor: Any, many: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """As `create_task` for each of them, in one transaction and a handful of statements, however many they are.

    Returns:
        What became of each, in their order; a bad one does not keep the others back.

    Raises:
        ValidationError: an assignee was deleted just now.
    """
    outcomes = _drafts(actor, many)
    _insert(actor, outcomes, [bool(fields.get("id")) for fields in many])
    return outcomes


def check_tasks_in_bulk(actor: Any, chunk: Chunk) -> None:
    """Makes the tasks that the rows' `values` describe, or finds what is wrong with them; writes nothing."""
    rows = chunk.pending
    for row, outcome in zip(rows, _drafts(actor, [row.values for row in rows]), strict=True):
        row.instance = outcome


def create_tasks_in_bulk(actor: Any, chunk: Chunk) -> None:
    """As `create_tasks` for rows that were checked; what is wrong with a row stands in the row."""

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
    """Sets these fields of `Task`; one that is not here stays as it is.

    Args:
        fields: `assigned_to` as the client wrote it: a user's id, `me`, or empty for nobody.
        more_metadata: what is added to the metadata, or takes the place of what has its name there.

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
        if (sent := changes.pop("assigned_to", None)) is not None:
            assignee_id = changes["assigned_to_id"] = resolve_id(actor, sent)
            # Who it is assigned to it stays assigned to, also once the account is closed.
            if sent and assignee_id != task.assigned_to_id and sent not in _assignable(actor, [sent]):
                errors["assigned_to"] = _unknown_user()
        also = {"completed_at": _completed_at(changes.get("status", task.status), task.completed_at)}
        with _also_wrong(errors):
            return save_clean(task, also=also, **changes)


def delete_task(actor: Any, task_id: str, *, expected_version: ExpectedVersion = ANY_VERSION) -> None:
    """Deletes the task for good; the change log keeps what it was.

    Raises:
        Task.DoesNotExist, PermissionDenied, Stale
    """
    with acting(actor):
        task = queries.get_task_for_update(actor, task_id)
        if not policies.may_delete(actor, task):
            raise PermissionDenied("Only its creator and administrators may delete a task.")
        expected_version.check(task.version)
        task.delete()


def _assignable(actor: Any, sent: Iterable[str]) -> dict[str, UUID]:
    """Whom these texts stand for, by the text: the actor, and users whose accounts are open; others are left out."""
    meant = {text: user_id for text in sent if (user_id := resolve_id(actor, text))}
    known = {actor.pk}
    if others := set(meant.values()) - known:
        known.update(User.objects.filter(pk__in=others, status__in=OPEN).values_list("pk", flat=True))
    return {text: user_id for text, user_id in meant.items() if user_id in known}


def _drafts(actor: Any, many: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    people = _assignable(actor, {fields.get("assigned_to") or "me" for fields in many})
    return [_draft(actor, fields, people) for fields in many]


def _insert(actor: Any, outcomes: list[Outcome], chosen: Sequence[bool]) -> None:
    """Inserts the drafts; in place of one whose id is taken stands then that it is.

    Args:
        chosen: of each, whether the client chose its id.
    """
    _refuse(outcomes, _repeated(outcomes))
    # In order of their ids, so that two who choose the same ones do not wait for each other.
    drafts = sorted((outcome for outcome in outcomes if isinstance(outcome, Task)), key=attrgetter("pk"))
    if not drafts:
        return
    with acting(actor), translate_integrity_errors(drafts[0]):
        drafted = zip(outcomes, chosen, strict=True)
        _go_on_counting({made.pk: made for made, by_client in drafted if isinstance(made, Task) and by_client})
        taken = insert_many(Task, [vars(task) for task in drafts], skip_taken=True)
    for task in drafts:
        task._state.adding = False
    if taken:
        _refuse(outcomes, [index for index, o in enumerate(outcomes) if isinstance(o, Task) and o.pk in taken])
    tasks_created.inc(len(drafts) - len(taken))


def _draft(actor: Any, fields: Mapping[str, Any], people: Mapping[str, UUID]) -> Outcome:
    """The task to insert, or all that is wrong with it."""
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
        with _also_wrong(errors):
            # What was not sent is its default, which is good; a title has none.
            clean(task, only={"title", *own})
    except ValidationError as exc:
        return exc
    return task


def _go_on_counting(chosen: Mapping[UUID, Task]) -> None:
    """Gives tasks whose ids clients chose the version that follows on that of a deleted task of this id."""
    for task_id, version in first_versions("task", chosen.keys()).items():
        chosen[task_id].version = version


def _repeated(outcomes: Sequence[Outcome]) -> Iterator[int]:
    """The drafts whose id an earlier one has."""
    seen = set()
    for index, outcome in enumerate(outcomes):
        if isinstance(outcome, Task):
            if outcome.pk in seen:
                yield index
            seen.add(outcome.pk)


def _refuse(outcomes: list[Outcome], indices: Iterable[int]) -> None:
    """In place of these drafts: that there is such a task already."""
    for index in list(indices):
        outcomes[index] = AlreadyExists(Task.already_exists["tasks_task_pkey"].format(outcomes[index]))


def _completed_at(status: int, before: datetime.datetime | None) -> datetime.datetime | None:
    return (before or timezone.now()) if status == Status.DONE else None


def _unknown_user() -> ValidationError:
    return ValidationError("There is no such user, or the account is closed.", code="unknown")


@contextmanager
def _also_wrong(errors: Mapping[str, ValidationError]) -> Iterator[None]:
    """Tells these errors with those of the block, whose writes they undo."""
    found: dict[str, Any] = dict(errors)
    try:
        yield
    except ValidationError as exc:
        found = exc.update_error_dict({name: [error] for name, error in errors.items()})
    if found:
        raise ValidationError(found)
