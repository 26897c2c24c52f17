"""`manage.py tasks import`: exports of other systems, as their tasks come in."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from changes.models import Change
from core import bulk
from core.auth import System
from projects.models import Status as ProjectStatus
from tandem.task.v1.task_pb2 import GetTaskRequest
from tasks.models import Priority, Status, Task, TaskOrigin
from tasks.services import delete_task, update_task
from tasks.services.imports import check_may_import
from tests.support.factories import ProjectFactory
from tests.support.task_imports import DATA, SUMMER, WINTER, called, end_of, imported
from tests.support.transports import Transport
from users.models import Status as AccountStatus
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

EXPECTED: dict[str, tuple[str, dict[str, dict[str, Any]], tuple[str, ...]]] = {
    "tasks.csv": (
        "csv",
        {
            "Water the plants": {
                "status": Status.IN_PROGRESS, "priority": Priority.CRITICAL, "labels": ["garden", "home"],
                "description": "Both rooms", "due_date": end_of(2026, 3, 1), "metadata": {"due_day": "2026-03-01"},
                "assigned_to": "grace", "created_by": "ada", "created_at": datetime(2025, 12, 31, 12, tzinfo=WINTER),
                "completed_at": None, "source": "csv/tasks",
            },
            "Buy a can": {
                "status": Status.DONE, "priority": Priority.LOW, "due_date": end_of(2026, 3, 1), "assigned_to": None,
                "completed_at": datetime(2026, 1, 2, 10, 11, 12, tzinfo=UTC), "created_by": "root",
            },
            "Read": {
                "status": Status.TODO, "priority": Priority.MEDIUM, "assigned_to": "root", "labels": [],
                "due_date": datetime(2026, 3, 1, 9, 30, tzinfo=WINTER), "metadata": {},
            },
        },
        ("Effort (1)", "assignee 'nobody@example.com' is not a user of this server; replaced by the importer (1)"),
    ),
    "Home.csv": (
        "todoist",
        {
            "Water the plants": {
                "priority": Priority.CRITICAL, "labels": ["garden", "daily"], "due_date": end_of(2026, 3, 1),
                "description": "Both rooms\nand the balcony\n\nWith rain water", "created_by": "ada",
                "assigned_to": "grace", "status": Status.TODO, "source": "todoist/Home",
                "metadata": {"due_day": "2026-03-01"},
            },
            "Buy a can": {
                "priority": Priority.LOW, "due_date": datetime(2026, 3, 2, 14, 30, tzinfo=WINTER),
                "metadata": {"parent": "Water the plants", "duration": "30", "durationunit": "minute"},
                "assigned_to": None,
            },
        },
        (
            "rows of type meta (1)",
            "repeating dates, kept as metadata (1)",
            "assignee 'Nobody Known' is not a user of this server",
        ),
    ),
    "board.json": (
        "trello",
        {
            "Write the notes": {
                "status": Status.IN_PROGRESS, "labels": ["docs", "Priority: High"], "priority": Priority.HIGH,
                "description": "For *everyone*.\n\nSteps:\n- [x] Write\n- [ ] Print", "source": "trello",
                "due_date": datetime(2026, 3, 1, 11, tzinfo=UTC), "assigned_to": "ada", "created_by": "grace",
                "created_at": datetime(2020, 7, 3, 19, 54, 49, tzinfo=UTC),
                "metadata": {"list": "Code review", "url": "https://trello.com/c/abc", "members": "grace"},
            },
            "Ship": {"status": Status.DONE, "labels": ["blue"]},
            "Dismissed": {"status": Status.CANCELLED},
            "Paid": {"status": Status.DONE, "completed_at": datetime(2026, 1, 31, 10, tzinfo=UTC)},
            "Some day": {"status": Status.TODO, "created_by": "root", "assigned_to": None},
        },
        ("archived cards that were not done, now cancelled (1)",),
    ),
    "issues.json": (
        "github",
        {
            "Leaves turn yellow": {
                "status": Status.TODO, "priority": Priority.CRITICAL, "labels": ["bug", "P1"], "created_by": "ada",
                "assigned_to": "grace", "description": "Since *May*.\r\n\r\nAll of them.", "source": "github",
                "created_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
                "due_date": datetime(2026, 3, 20, 7, tzinfo=UTC),
                "metadata": {
                    "url": "https://github.com/example/garden/issues/7", "milestone": "Spring", "assignees": "ada",
                },
            },
            "Done": {
                "status": Status.DONE, "completed_at": datetime(2026, 1, 5, 3, 4, 5, tzinfo=UTC), "created_by": "root",
            },
            "Not wanted": {"status": Status.CANCELLED, "completed_at": None},
        },
        ("pull requests (1)", "creator 'carol' is not a user of this server; replaced by the importer (1)"),
    ),
    "gh-issues.json": (
        "github",
        {
            "Leaves turn yellow": {"status": Status.TODO, "assigned_to": "grace", "created_by": "ada"},
            "Not wanted": {"status": Status.CANCELLED},
        },
        (),
    ),
    "tasks.ics": (
        "ical",
        {
            "Water the plants, all of them": {
                "description": "Both rooms\nand the balcony, that is a long line which is folded here",
                "status": Status.IN_PROGRESS, "priority": Priority.CRITICAL, "labels": ["garden", "home"],
                "due_date": end_of(2026, 3, 1), "created_at": datetime(2025, 12, 31, 12, tzinfo=UTC),
                "created_by": "ada", "assigned_to": "grace", "source": "ical",
                "metadata": {"due_day": "2026-03-01", "repeats": "FREQ=WEEKLY;BYDAY=MO"},
            },
            "Done it": {
                "status": Status.DONE, "completed_at": datetime(2026, 1, 2, 10, 11, 12, tzinfo=UTC),
                "due_date": datetime(2026, 7, 1, 9, tzinfo=SUMMER),
            },
            "Floating": {"status": Status.TODO, "due_date": datetime(2026, 3, 2, 9, tzinfo=WINTER)},
        },
        ("repeating tasks", "VEVENTs (1)", "alarms (1)"),
    ),
}  # fmt: skip


def value_of(task: Task, name: str) -> Any:
    value = getattr(task, name)
    return value.email.partition("@")[0] if isinstance(value, User) else value


@pytest.mark.parametrize("file", EXPECTED)
def test_import_keeps_every_field_that_exists_here(ada: User, grace: User, root: User, file: str) -> None:
    system, tasks, notes = EXPECTED[file]
    output = imported(DATA / file, system, "--users", DATA / "people.csv")
    total = Task.objects.count()
    assert output.startswith(f"{total} rows: {total} created, 0 updated, 0 unchanged, 0 failed;")
    for title, expected in tasks.items():
        task = Task.objects.filter(title=title).order_by("id").first()
        assert task is not None
        assert {name: value_of(task, name) for name in expected} == expected
        (change,) = Change.objects.filter(subject_id=task.pk)
        assert (change.actor, change.reason) == (str(root.pk), "import")
    for note in notes:
        assert note in output
    # Once more, nothing happens.
    again = imported(DATA / file, system, "--users", DATA / "people.csv")
    assert again.startswith(f"{total} rows: 0 created, 0 updated, {total} unchanged, 0 failed;")
    assert Task.objects.count() == total
    assert Change.objects.filter(subject_type="task").count() == total


def test_tasks_of_one_name_in_a_project_stay_distinct() -> None:
    imported(DATA / "Home.csv", "todoist")
    cans = Task.objects.filter(title="Buy a can").order_by("id")
    assert [can.metadata.get("section", "") for can in cans] == ["", "Garage", "Garage"]
    assert cans[1].metadata["repeats"] == "every monday"
    assert cans[1].due_date is None


def test_repeated_import_updates_fields_that_were_not_edited_here(tmp_path: Path, root: User) -> None:
    issues = json.loads((DATA / "issues.json").read_text())
    file = tmp_path / "issues.json"
    file.write_text(json.dumps(issues))
    imported(file, "github")
    task = Task.objects.get(title="Leaves turn yellow")
    update_task(root, str(task.pk), {"description": "Ours", "priority": Priority.LOW})
    issues[0] |= {"title": "Leaves turn red", "state": "closed", "state_reason": "completed",
                  "closed_at": "2026-02-01T00:00:00Z", "milestone": None}  # fmt: skip
    issues.append(issues[2] | {"number": 11, "html_url": "https://github.com/example/garden/issues/11"})
    file.write_text(json.dumps(issues))
    assert imported(file, "github").startswith("4 rows: 1 created, 1 updated, 2 unchanged, 0 failed;")
    task.refresh_from_db()
    assert (task.title, task.status, task.due_date) == ("Leaves turn red", Status.DONE, None)
    assert (task.description, task.priority) == ("Ours", Priority.LOW)
    assert task.completed_at == datetime(2026, 2, 1, tzinfo=UTC)
    last = Change.objects.filter(subject_id=task.pk).order_by("id").last()
    assert last is not None
    assert set(last.changed_fields) >= {"title", "status", "due_date", "completed_at"}
    assert not {"description", "priority", "created_at", "created_by_id"} & set(last.changed_fields)
    # What is no longer in the file stays.
    file.write_text(json.dumps(issues[:1]))
    assert imported(file, "github").startswith("1 rows: 0 created, 0 updated, 1 unchanged")
    assert Task.objects.count() == 4


def test_repeated_import_does_not_restore_deleted_tasks(root: User) -> None:
    imported(DATA / "issues.json", "github")
    delete_task(root, str(Task.objects.get(title="Done").pk))
    output = imported(DATA / "issues.json", "github")
    assert output.startswith("3 rows: 0 created, 0 updated, 2 unchanged, 0 failed;")
    assert "1 were deleted here after an earlier import, and were not imported again." in output
    assert TaskOrigin.objects.filter(task=None).count() == 1


def test_lists_with_equal_ids_stay_separate(tmp_path: Path) -> None:
    imported(DATA / "tasks.csv", "csv")
    other = tmp_path / "other.csv"
    other.write_text("id,title\n1,Another\n")
    imported(other, "csv")
    assert Task.objects.count() == 4
    assert imported(other, "csv", "--list", "tasks").startswith("1 rows: 0 created, 1 updated")
    assert Task.objects.filter(title="Another").count() == 2


def test_rows_that_fail_are_reported_and_can_be_corrected(tmp_path: Path) -> None:
    file = tmp_path / "tasks.csv"
    file.write_text(
        "id,title,status,priority,due,created\n"
        "1,,todo,,,\n2,Two,someday,9,soon,\n3,Three,,,02/03/2026,\n"
        "4,Four,done,,,\n4,Four again,,,,\n5,Five,,,13/03/2026,\n"
    )
    code, output, why = called("import", file, "--from", "csv")
    errors = tmp_path / "tasks.csv.errors.jsonl"
    assert (code, why) == (1, f"4 rows failed; see {errors}.")
    assert output.startswith("6 rows: 2 created, 0 updated, 0 unchanged, 4 failed;")
    found = [json.loads(line) for line in errors.read_text().splitlines()]
    assert [(one["line"], sorted(field["field"] for field in one["fields"])) for one in found] == [
        (2, ["title"]), (3, ["due_date", "priority", "status"]), (4, ["due_date"]), (6, ["external_id"]),
    ]  # fmt: skip
    assert errors.stat().st_mode & 0o777 == 0o600
    rows = [one["row"] | {"title": one["row"]["title"] or "One"} for one in found[:3]]
    rows[1] |= {"status": "todo", "priority": "high", "due_date": ""}
    rows[2]["due_date"] = "2026-03-02"
    errors.write_text("".join(json.dumps(one | {"row": row}) + "\n" for one, row in zip(found, rows, strict=False)))
    assert called("import", errors)[1].startswith("3 rows: 3 created")
    # And so they are known when the file itself is right.
    file.write_text("id,title\n1,One\n2,Two\n3,Three\n")
    assert called("import", file, "--from", "csv")[1].startswith("3 rows: 0 created, 0 updated, 3 unchanged")


def test_only_administrators_may_import(root: User, ada: User) -> None:
    check_may_import(root)
    check_may_import(System("tasks import"))
    with pytest.raises(PermissionDenied):
        check_may_import(ada)
    code, _, why = called("import", DATA / "tasks.csv", "--from", "csv", "--as", ada.email)
    assert (code, why) == (2, "ada@example.com is not an administrator with an open account.")


def test_task_is_not_assigned_to_a_closed_account(ada: User, grace: User, root: User) -> None:
    grace.status = AccountStatus.DEACTIVATED
    grace.save()
    output = imported(DATA / "tasks.csv", "csv")
    assert "assignee 'grace@example.com' is not a user of this server; replaced by the importer (1)" in output
    assert Task.objects.get(title="Water the plants").assigned_to == root


def test_imported_task_is_readable_over_both_transports(committing_api: Transport, ada: User, grace: User) -> None:
    imported(DATA / "tasks.csv", "csv")
    task = Task.objects.get(title="Water the plants")
    shown = committing_api("TaskService/GetTask", GetTaskRequest(id=str(task.pk)), actor=grace)
    assert (shown.title, shown.created_by, shown.source) == ("Water the plants", str(ada.pk), "csv/tasks")


@pytest.mark.parametrize("file", EXPECTED)
def test_source_system_is_recognised(file: str) -> None:
    code, _, why = called("import", DATA / file)
    assert (code, why.partition("give ")[2]) == (2, f"--from {EXPECTED[file][0]}.")
    assert not Task.objects.exists()


def test_dry_run_and_import_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk.stream, "CHUNK_SIZE", 50)
    file = tmp_path / "list.csv"
    file.write_text("title\n" + "".join(f"Task {number % 60}\n" for number in range(130)))
    output = imported(file, "csv", "--dry-run")
    assert output.startswith("Dry run: no task was written.\n130 rows: 130 created")
    assert not Task.objects.exists()
    assert not TaskOrigin.objects.exists()
    assert imported(file, "csv").startswith("130 rows: 130 created")
    assert imported(file, "csv").startswith("130 rows: 0 created, 0 updated, 130 unchanged")


def test_tasks_are_put_into_a_project(tmp_path: Path) -> None:
    project, archived = ProjectFactory(), ProjectFactory(status=ProjectStatus.ARCHIVED)
    file = tmp_path / "list.csv"
    file.write_text("id,title\n1,First\n2,Second\n")
    for unusable, words in (("nonsense", "there is no project"), (str(archived.pk), "archived")):
        code, _, why = called("import", file, "--from", "csv", "--project", unusable)
        assert code == 2
        assert words in why
    imported(file, "csv")
    assert set(Task.objects.values_list("project", flat=True)) == {None}
    imported(file, "csv", "--project", str(project.pk))
    assert set(Task.objects.values_list("project", flat=True)) == {project.pk}
    # Without the option an import leaves the project as it is.
    imported(file, "csv")
    assert set(Task.objects.values_list("project", flat=True)) == {project.pk}
    # The system, which is a member of no project, imports without `--as`.
    another = ProjectFactory()
    assert called("import", file, "--from", "csv", "--project", another.pk)[::2] == (0, "")
    assert set(Task.objects.values_list("project", flat=True)) == {another.pk}
