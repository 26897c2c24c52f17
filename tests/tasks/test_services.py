"""Messages and boundaries of the services, called without a transport."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import REGISTRY

from core.bulk import BulkItem, Chunk, Failures
from core.db.ids import uuid7
from core.errors import Problem, problem_of
from projects.models import Project, Role
from projects.models import Status as ProjectStatus
from tasks import services
from tasks.models import Status, Task, TaskOrigin
from tasks.services import bulk, imports
from tasks.services.imports import Fate, Imported
from tests.support.factories import ProjectFactory, ProjectMemberFactory, TaskFactory, UserFactory
from users.models import Status as AccountStatus
from users.models import User

NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)
UNKNOWN_USER = "There is no such user, or the account is closed."


def problem(call: Callable[[], object]) -> Problem:
    with pytest.raises(ValidationError) as caught:
        call()
    return problem_of(caught.value)


def violations(found: Problem) -> list[tuple[str, str, str]]:
    return [violation[:3] for violation in found.violations]


def created() -> float:
    return REGISTRY.get_sample_value("tandem_tasks_created_total") or 0


def test_references_that_do_not_exist_are_named(ann: User) -> None:
    closed = UserFactory(status=AccountStatus.BANNED)
    for assignee in (str(uuid7()), str(closed.pk), "none"):
        fields = {"title": "x", "assigned_to": assignee, "id": "none"}
        assert violations(problem(lambda fields=fields: services.create_task(ann, fields))) == [
            ("id", "uuid", "Give a UUID, as in 0198a3c0-0000-7000-8000-000000000000."),
            ("assigned_to", "unknown", UNKNOWN_USER),
        ]
    task = TaskFactory(created_by=ann)
    found = problem(lambda: services.update_task(ann, str(task.pk), {"assigned_to": str(closed.pk), "title": ""}))
    assert sorted(violations(found)) == [
        ("assigned_to", "unknown", UNKNOWN_USER),
        ("title", "required", "Title is required"),
    ]


def test_only_the_users_that_are_named_are_looked_up(ann: User, bob: User) -> None:
    UserFactory()
    references = [str(bob.pk), "me", str(uuid7()), "none"]
    with CaptureQueriesContext(connection) as statements:
        assert services.assignable(ann, references) == {str(bob.pk): bob.pk, "me": ann.pk}
    (statement,) = [one["sql"] for one in statements]
    assert '"users_user"."id" IN (' in statement
    assert services.assignable(ann, ["me", str(ann.pk)]) == {"me": ann.pk, str(ann.pk): ann.pk}


def test_the_time_of_completion_is_kept_until_the_task_is_reopened(ann: User) -> None:
    task = services.create_task(ann, {"title": "x", "status": Status.DONE})
    assert task.completed_at is not None
    assert timezone.now() - task.completed_at < timedelta(seconds=5)
    Task.objects.filter(pk=task.pk).update(completed_at=NOON)
    assert services.update_task(ann, str(task.pk), {"title": "y"}).completed_at == NOON
    assert services.update_task(ann, str(task.pk), {"status": Status.TODO}).completed_at is None
    assert services.create_task(ann, {"title": "x"}).completed_at is None


def test_metadata_is_added_to_what_is_there(ann: User) -> None:
    task = TaskFactory(created_by=ann, metadata={"a": "1", "b": "2"})
    changed = services.update_task(ann, str(task.pk), {}, more_metadata={"b": "3", "c": "4"})
    assert Task.objects.get(pk=task.pk).metadata == changed.metadata == {"a": "1", "b": "3", "c": "4"}


def test_only_the_creator_deletes_a_task(ann: User, bob: User) -> None:
    task = TaskFactory(created_by=ann, assigned_to=bob)
    with pytest.raises(PermissionDenied) as caught:
        services.delete_task(bob, str(task.pk))
    assert str(caught.value) == (
        "Only the creator of a task, managers of its project and administrators may delete it."
    )
    services.delete_task(ann, str(task.pk))
    assert not Task.objects.filter(pk=task.pk).exists()


def test_the_reasons_why_a_task_may_not_be_changed(ann: User, bob: User) -> None:
    project = ProjectMemberFactory(user=ann, role=Role.VIEWER).project
    task = TaskFactory(project=project, assigned_to=bob)
    with pytest.raises(PermissionDenied) as caught:
        services.update_task(ann, str(task.pk), {"title": "x"})
    assert str(caught.value) == "Only editors of its project, its creator and its assignee may change a task."
    with pytest.raises(PermissionDenied) as caught:
        services.update_task(bob, str(task.pk), {"project_id": ""})
    assert str(caught.value) == "Only editors of its project and its creator may take a task out of a project."


def test_a_task_inherits_a_project_unless_it_names_one(ann: User) -> None:
    inherited, own = ProjectFactory(), ProjectMemberFactory(user=ann, role=Role.EDITOR).project
    for fields, expected in (({}, inherited), ({"project_id": str(own.pk)}, own), ({"project_id": ""}, inherited)):
        task = services.create_task(ann, {"title": "x", **fields}, inherited=inherited.pk)
        assert Task.objects.get(pk=task.pk).project_id == expected.pk


def rows_of(values: Sequence[Any], built: Sequence[Any]) -> list[BulkItem]:
    rows = []
    for index, (given, instance) in enumerate(zip(values, built, strict=True)):
        row = BulkItem(index)
        row.values, row.instance = given, instance
        rows.append(row)
    return rows


def chunk(rows: Sequence[BulkItem]) -> Chunk:
    return Chunk(("system", "a stream"), rows, {}, lambda instance: b"", Failures(), lambda replayed: None)


def test_created_tasks_are_counted(ann: User) -> None:
    before = created()
    services.create_task(ann, {"title": "x"})
    assert created() == before + 1
    taken, chosen = str(TaskFactory().pk), str(uuid7())
    many = [{"title": "a"}, {"title": "b", "id": taken}, {"title": "c", "id": chosen}, {"title": "d", "id": chosen}]
    rows = rows_of(many, bulk.build_tasks(ann, many))
    bulk.create_tasks(ann, chunk(rows))
    assert created() == before + 3
    assert [row.problem and row.problem.message for row in rows] == [
        None,
        f"Task with ID '{taken}' already exists",
        None,
        f"Task with ID '{chosen}' already exists",
    ]
    assert Task.objects.get(pk=chosen).title == "c"


def run_import(actor: Any, *many: Imported) -> list[Fate | Problem]:
    """Import tasks as one chunk. Return the fate, or the problem, of each."""
    rows = rows_of(many, imports.build_imported_tasks(actor, many))
    imports.import_tasks(actor, chunk(rows))
    return [row.problem or row.instance.fate for row in rows]


def test_an_import_keeps_creators_and_times(administrator: User, ann: User, bob: User) -> None:
    before = created()
    stranger = uuid7()
    done = {"title": "done", "status": Status.DONE, "assigned_to_id": bob.pk}
    assert (
        run_import(
            administrator,
            Imported("todo/Home", "1", done, created_by_id=ann.pk, created_at=NOON, completed_at=NOON + timedelta(1)),
            Imported("todo/Home", "2", {"title": "open"}, created_by_id=stranger, completed_at=NOON),
            Imported("todo/Work", "1", {"title": "done before", "status": Status.DONE}),
        )
        == [Fate.CREATED] * 3
    )
    assert created() == before + 3
    first, second, third = (Task.objects.get(title=title) for title in ("done", "open", "done before"))
    assert (first.created_by, first.assigned_to, first.source) == (ann, bob, "todo/Home")
    assert (first.created_at, first.completed_at) == (NOON, NOON + timedelta(1))
    assert (second.created_by, second.assigned_to, second.completed_at) == (None, None, None)
    for moment in (second.created_at, third.completed_at):
        assert moment is not None
        assert timezone.now() - moment < timedelta(seconds=5)
    assert set(TaskOrigin.objects.values_list("source", "external_id", "task_id")) == {
        ("todo/Home", "1", first.pk),
        ("todo/Home", "2", second.pk),
        ("todo/Work", "1", third.pk),
    }


def test_a_repeated_import_writes_only_what_changed_in_the_source(administrator: User) -> None:
    def imported(**fields: Any) -> list[Fate | Problem]:
        return run_import(administrator, Imported("todo", "1", {"title": "a", "metadata": {"x": "1"}, **fields}))

    assert imported() == [Fate.CREATED]
    task = Task.objects.get()
    Task.objects.filter(pk=task.pk).update(title="edited here", metadata={"x": "1", "here": "1"})
    before = created()
    assert imported() == [Fate.UNCHANGED]
    assert imported(metadata={"x": "2"}, description="new") == [Fate.UPDATED]
    task.refresh_from_db()
    assert (task.title, task.description, task.metadata) == ("edited here", "new", {"x": "2", "here": "1"})
    # The title is as it was edited here, so nothing is written; later it counts as known.
    version = task.version
    assert imported(metadata={"x": "2"}, description="new", title="edited here") == [Fate.UNCHANGED]
    task.refresh_from_db()
    assert task.version == version
    assert imported(metadata={"x": "2"}, description="new", title="edited here") == [Fate.UNCHANGED]
    assert created() == before
    task.delete()
    assert imported(title="again") == [Fate.DELETED]


def test_an_import_of_some_fields_keeps_what_is_known_of_the_others(administrator: User) -> None:
    def imported(**fields: Any) -> list[Fate | Problem]:
        return run_import(administrator, Imported("todo", "1", fields))

    first = {"title": "a", "description": "from there", "metadata": {"x": "1", "y": "2"}}
    assert imported(**first) == [Fate.CREATED]
    assert imported(title="b") == [Fate.UPDATED]
    Task.objects.update(description="edited here")
    # The order of the entries of a map makes no other value.
    assert imported(**first | {"title": "b", "metadata": {"y": "2", "x": "1"}}) == [Fate.UNCHANGED]
    assert Task.objects.get().description == "edited here"


def test_an_import_compares_with_what_earlier_releases_kept(administrator: User) -> None:
    due = datetime(2027, 3, 1, 12, tzinfo=UTC)
    run_import(administrator, Imported("todo", "1", {"title": "a", "due_date": due, "metadata": {"y": "2", "x": "1"}}))
    assert TaskOrigin.objects.get().digests == {
        "title": "ac8d8342bbb2362d",
        "due_date": "94c8c4bfe6f82886",
        "metadata": "e54db2ae5be30f76",
    }


def test_new_and_known_tasks_are_imported_together(administrator: User) -> None:
    def imported(source: str, number: int, title: str) -> Imported:
        return Imported(source, str(number), {"title": title})

    run_import(administrator, imported("todo", 1, "a"), imported("todo", 2, "b"), imported("other", 1, "c"))
    with CaptureQueriesContext(connection) as statements:
        fates = run_import(administrator, imported("todo", 3, "new"), imported("todo", 1, "changed"))
    assert fates == [Fate.CREATED, Fate.UPDATED]
    assert set(Task.objects.values_list("title", flat=True)) == {"changed", "b", "c", "new"}
    # Rows are locked in the order of ids, so that two imports do not deadlock, and only those that are needed.
    locked = [one["sql"] for one in statements if "FOR UPDATE" in one["sql"] and '"tasks_task' in one["sql"]]
    assert len(locked) == 2
    assert all("ORDER BY" in statement for statement in locked)
    assert "\"source\" IN ('todo')" in locked[0]
    assert '"external_id" IN (' in locked[0]
    assert '"id" IN (' in locked[1]


def test_project_archived_after_the_check_gets_no_imported_task(administrator: User) -> None:
    project = ProjectFactory()
    many = [Imported("todo", "1", {"title": "in it", "project_id": project.pk}), Imported("todo", "2", {"title": "b"})]
    rows = rows_of(many, imports.build_imported_tasks(administrator, many))
    Project.objects.update(status=ProjectStatus.ARCHIVED)
    imports.import_tasks(administrator, chunk(rows))
    assert [row.problem and row.problem.reason for row in rows] == ["CONFLICT", None]
    assert [task.title for task in Task.objects.all()] == ["b"]


def test_a_closed_account_is_a_creator_but_not_an_assignee(administrator: User) -> None:
    closed = UserFactory(status=AccountStatus.BANNED)
    fields = {"title": "a", "assigned_to_id": closed.pk}
    failed, fate = run_import(
        administrator, Imported("x", "1", fields), Imported("x", "2", {"title": "b"}, created_by_id=closed.pk)
    )
    assert isinstance(failed, Problem)
    assert (violations(failed), fate) == ([("assigned_to", "unknown", UNKNOWN_USER)], Fate.CREATED)
    assert Task.objects.get().created_by == closed


def test_an_import_whose_metadata_no_longer_fit_fails_alone(administrator: User) -> None:
    def imported(number: int, **fields: Any) -> Imported:
        return Imported("todo", str(number), {"title": f"Task {number}", **fields})

    run_import(administrator, imported(1), imported(2))
    Task.objects.filter(title="Task 1").update(metadata={f"here {number}": "" for number in range(30)})
    there = {f"there {number}": "" for number in range(30)}
    problem, fate = run_import(administrator, imported(1, metadata=there), imported(2, metadata=there))
    assert isinstance(problem, Problem)
    assert [violation.field for violation in problem.violations] == ["metadata"]
    assert fate == Fate.UPDATED
    assert sorted(len(metadata) for metadata in Task.objects.values_list("metadata", flat=True)) == [30, 30]


def test_a_completed_task_keeps_its_time_and_a_reopened_one_loses_it(administrator: User) -> None:
    def imported(status: int, completed_at: datetime | None = None) -> datetime | None:
        given = Imported("todo", "1", {"title": "a", "status": status}, completed_at=completed_at)
        run_import(administrator, given)
        return Task.objects.get().completed_at

    assert imported(Status.TODO) is None
    assert imported(Status.DONE, NOON) == NOON
    assert imported(Status.TODO) is None
    # It was completed here before it was in the source.
    Task.objects.update(status=Status.DONE, completed_at=NOON)
    assert imported(Status.DONE, NOON + timedelta(1)) == NOON


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (Imported("", "1", {"title": "a"}), ("source", "max_length", "Give 1 to 100 characters.")),
        (Imported("x" * 101, "1", {"title": "a"}), ("source", "max_length", "Give 1 to 100 characters.")),
        (Imported("x", "", {"title": "a"}), ("external_id", "max_length", "Give 1 to 300 characters.")),
        (Imported("x", "y" * 301, {"title": "a"}), ("external_id", "max_length", "Give 1 to 300 characters.")),
        (Imported("x", "1", {"title": "a", "assigned_to_id": uuid7()}), ("assigned_to", "unknown", UNKNOWN_USER)),
        (Imported("x", "1", {"title": ""}), ("title", "required", "Title is required")),
        (Imported("x", "1", {}), ("title", "required", "Title is required")),
    ],
)
def test_an_invalid_imported_task_names_its_fields(
    administrator: User, given: Imported, named: tuple[str, str, str]
) -> None:
    largest = Imported("x" * 100, "y" * 300, {"title": "b"})
    (failed, fate) = run_import(administrator, given, largest)
    assert isinstance(failed, Problem)
    assert (violations(failed), fate) == ([named], Fate.CREATED)
    assert [task.title for task in Task.objects.all()] == ["b"]


def test_only_administrators_import(ann: User) -> None:
    for call in (lambda: imports.build_imported_tasks(ann, []), lambda: imports.import_tasks(ann, chunk([]))):
        with pytest.raises(PermissionDenied) as caught:
            call()
        assert str(caught.value) == "Only an administrator may import tasks."
