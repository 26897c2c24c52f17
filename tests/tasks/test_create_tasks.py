"""Many tasks at once, as the streams make them."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from changes.models import Change
from core.actors import Actor
from core.bulk import BulkItem, Chunk, Failures
from core.db.ids import uuid7
from core.errors import Problem
from projects.models import Project, Role
from projects.models import Status as ProjectStatus
from tasks.models import Task
from tasks.services import bulk, create_task, delete_task
from tasks.services.bulk import TaskChange
from tests.support.factories import ProjectMemberFactory, TaskFactory, UserFactory
from tests.support.servers import until
from users.models import Status, User


def rows_of(values: Sequence[Any], built: Sequence[Any]) -> list[BulkItem]:
    rows = []
    for index, (given, instance) in enumerate(zip(values, built, strict=True)):
        row = BulkItem(index)
        row.values, row.instance = given, instance
        rows.append(row)
    return rows


def chunk(rows: Sequence[BulkItem]) -> Chunk:
    return Chunk(("ann", "a stream"), rows, {}, lambda task: b"", Failures(), lambda replayed: None)


def create_tasks(actor: Actor, many: Sequence[Mapping[str, Any]]) -> list[Task | Problem]:
    """Create tasks as one chunk of a stream. Return the task, or the problem, of each."""
    rows = rows_of(many, bulk.build_tasks(actor, many))
    bulk.create_tasks(actor, chunk(rows))
    return [row.problem or row.instance for row in rows]


def update_tasks(actor: Actor, changes: Sequence[TaskChange]) -> list[Task | Problem]:
    """Change tasks as one chunk of a stream. Return the task, or the problem, of each change."""
    rows = rows_of(changes, [None] * len(changes))
    bulk.update_tasks(actor, chunk(rows))
    return [row.problem or row.instance for row in rows]


def violations(problem: object) -> dict[str, str]:
    assert isinstance(problem, Problem)
    return {violation.field: violation.code for violation in problem.violations}


def test_valid_items_are_created_and_errors_reported_in_order(ann: User, bob: User) -> None:
    taken, chosen = str(TaskFactory().pk), str(uuid7())
    outcomes = create_tasks(
        ann,
        [
            {"title": "first"},
            {"title": " "},
            {"title": "x" * 201, "assigned_to": str(UserFactory(status=Status.BANNED).pk)},
            {"title": "for bob", "assigned_to": str(bob.pk)},
            {"title": "taken", "id": taken},
            {"title": "chosen", "id": chosen},
            {"title": "repeated", "id": chosen},
            {"title": "last", "assigned_to": "me"},
        ],
    )
    made = {index: outcome for index, outcome in enumerate(outcomes) if isinstance(outcome, Task)}
    assert {index: task.title for index, task in made.items()} == {0: "first", 3: "for bob", 5: "chosen", 7: "last"}
    assert [made[index].assigned_to_id for index in (0, 3, 5, 7)] == [ann.pk, bob.pk, ann.pk, ann.pk]
    blank, long, existing, repeated = (outcomes[index] for index in (1, 2, 4, 6))
    assert (set(violations(blank)), set(violations(long))) == ({"title"}, {"title", "assigned_to"})
    for refusal, task_id in ((existing, taken), (repeated, chosen)):
        assert isinstance(refusal, Problem)
        assert refusal.reason == "ALREADY_EXISTS"
        assert refusal.message == f"Task with ID '{task_id}' already exists"
    assert Task.objects.filter(created_by=ann).count() == 4
    assert Change.objects.filter(subject_type="task", actor=str(ann.pk)).count() == 4


def test_number_of_statements_does_not_depend_on_the_number_of_tasks(
    ann: User, bob: User, django_assert_num_queries: Any
) -> None:
    for many in (1, 1_000):
        # The assignees; the insert and the actor; two savepoints, and the previous actor.
        with django_assert_num_queries(8):
            outcomes = create_tasks(ann, [{"title": f"T {n}", "assigned_to": str(bob.pk)} for n in range(many)])
        assert len({outcome.pk for outcome in outcomes if isinstance(outcome, Task)}) == many
    # Ids that are taken fail without an insert of their own. The versions of deleted tasks take one statement more.
    taken = [str(task.pk) for task in TaskFactory.create_batch(5)]
    with django_assert_num_queries(9):
        outcomes = create_tasks(ann, [{"title": "T", "assigned_to": str(bob.pk), "id": task_id} for task_id in taken])
    assert [isinstance(outcome, Problem) for outcome in outcomes] == [True] * 5


def test_empty_list_creates_nothing(ann: User) -> None:
    assert create_tasks(ann, []) == []
    assert violations(create_tasks(ann, [{"title": ""}])[0]) == {"title": "required"}
    assert not Task.objects.exists()


def test_concurrent_creations_of_equal_ids_create_each_once(transactional_db: None, ann: User) -> None:
    chosen = [str(uuid7()) for _ in range(20)]

    def make(number: int) -> int:
        mine = chosen if number % 2 else chosen[::-1]
        try:
            outcomes = create_tasks(ann, [{"title": f"T {number}", "id": task_id} for task_id in mine])
            assert all(isinstance(outcome, Task) or outcome.reason == "ALREADY_EXISTS" for outcome in outcomes)
            return sum(isinstance(outcome, Task) for outcome in outcomes)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(make, range(4))) == len(chosen)
    assert Task.objects.count() == len(chosen)


def test_waiting_for_an_id_holds_no_other_id(transactional_db: None, ann: User) -> None:
    """Or both would wait for each other, until the database ends one of them."""
    low, high = sorted(uuid7() for _ in range(2))

    def make() -> list[Task | Problem]:
        try:
            return create_tasks(ann, [{"title": "high", "id": str(high)}, {"title": "low", "id": str(low)}])
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            TaskFactory(pk=low)
            made = pool.submit(make)
            until(lambda: waiting_for_locks() > 0, "the other waits for the low id")
            TaskFactory(pk=high)
        assert [outcome.reason for outcome in made.result() if isinstance(outcome, Problem)] == ["ALREADY_EXISTS"] * 2


def while_a_user_is_being_deleted(user: User, create: Callable[[], Any]) -> Any:
    """Run `create` while the deletion of the user is not committed yet, and return its result."""

    def run() -> Any:
        try:
            return create()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            User.objects.filter(pk=user.pk).delete()
            created = pool.submit(run)
            until(lambda: waiting_for_locks() > 0, "the other waits for what becomes of the assignee")
        return created.result()


def test_assignee_deleted_concurrently_is_unknown(transactional_db: None, ann: User, bob: User) -> None:
    with pytest.raises(ValidationError) as refused:
        while_a_user_is_being_deleted(bob, lambda: create_task(ann, {"title": "T", "assigned_to": str(bob.pk)}))
    assert refused.value.error_dict["assigned_to"][0].code == "unknown"
    assert not Task.objects.exists()


def test_assignee_deleted_concurrently_fails_only_its_own_task(transactional_db: None, ann: User, bob: User) -> None:
    many = [{"title": "mine"}, {"title": "of bob", "assigned_to": str(bob.pk)}, {"title": "mine, too"}]
    outcomes = while_a_user_is_being_deleted(bob, lambda: create_tasks(ann, many))
    assert [isinstance(outcome, Task) for outcome in outcomes] == [True, False, True]
    assert violations(outcomes[1]) == {"assigned_to": "unknown"}
    assert Task.objects.count() == 2


def test_assignee_deleted_concurrently_fails_a_single_item(transactional_db: None, ann: User, bob: User) -> None:
    many = [{"title": "of bob", "assigned_to": str(bob.pk)}]
    (outcome,) = while_a_user_is_being_deleted(bob, lambda: create_tasks(ann, many))
    assert violations(outcome) == {"assigned_to": "unknown"}
    assert not Task.objects.exists()


@pytest.mark.parametrize("others", [0, 2])
def test_assignee_deleted_concurrently_fails_only_its_own_change(
    transactional_db: None, ann: User, bob: User, others: int
) -> None:
    first, *rest = TaskFactory.create_batch(1 + others, created_by=ann)
    changes = [TaskChange(str(first.pk), {"assigned_to": str(bob.pk)})]
    changes += [TaskChange(str(task.pk), {"title": "Changed"}) for task in rest]
    outcome, *made = while_a_user_is_being_deleted(bob, lambda: update_tasks(ann, changes))
    assert violations(outcome) == {"assigned_to": "unknown"}
    assert [isinstance(one, Task) for one in made] == [True] * others
    assert Task.objects.filter(title="Changed").count() == others


def test_project_archived_after_the_check_gets_no_task(ann: User) -> None:
    project = ProjectMemberFactory(user=ann, role=Role.EDITOR).project
    many = [{"title": "in it", "project_id": str(project.pk)}, {"title": "in none"}]
    rows = rows_of(many, bulk.build_tasks(ann, many))
    Project.objects.update(status=ProjectStatus.ARCHIVED)
    bulk.create_tasks(ann, chunk(rows))
    assert [row.problem and (row.problem.reason, row.problem.message) for row in rows] == [
        ("CONFLICT", "The project is archived; unarchive it to change it or what is in it."),
        None,
    ]
    assert [task.title for task in Task.objects.all()] == ["in none"]


def test_reused_id_continues_the_versions(ann: User) -> None:
    chosen = str(uuid7())
    for version in (1, 3):  # The deletion was version 2.
        first, other = create_tasks(ann, [{"title": "chosen", "id": chosen}, {"title": "other"}])
        assert isinstance(first, Task)
        assert isinstance(other, Task)
        assert [Task.objects.get(pk=task.pk).version for task in (first, other)] == [version, 1]
        delete_task(ann, chosen)


def test_a_task_without_a_title_is_invalid(ann: User) -> None:
    assert violations(create_tasks(ann, [{}])[0]) == {"title": "required"}


def waiting_for_locks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # It stays the same within a transaction.
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("metadata", ["text", ["list"], {"k": 1}])
def test_metadata_are_texts(ann: User, metadata: object) -> None:
    (outcome,) = create_tasks(ann, [{"title": "T", "metadata": metadata}])
    assert violations(outcome) == {"metadata": "type"}
