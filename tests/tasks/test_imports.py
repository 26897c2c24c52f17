"""`manage.py tasks import`: lists of other systems, in their own layouts, with made-up content."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command

from changes.models import Change
from core import bulk
from core.auth import System
from tandem.task.v1.task_pb2 import GetTaskRequest
from tasks.models import Priority, Status, Task, TaskOrigin
from tasks.services import delete_task, update_task
from tasks.services.imports import check_may_import
from tests.support.factories import AdministratorFactory, UserFactory
from tests.support.transports import Transport
from users.models import Status as AccountStatus
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

DATA = Path(__file__).parent / "data"
WINTER, SUMMER = timezone(timedelta(hours=1)), timezone(timedelta(hours=2))


def called(*arguments: Any) -> tuple[int, str, str]:
    out = StringIO()
    try:
        call_command("tasks", *map(str, arguments), stdout=out)
    except CommandError as exc:
        return exc.returncode, out.getvalue(), str(exc)
    return 0, out.getvalue(), ""


def imported(file: Path, system: str, *arguments: Any) -> str:
    code, output, why = called("import", file, "--from", system, "--as", "root@example.com", *arguments)
    assert (code, why) == (0, "")
    return output


@pytest.fixture(autouse=True)
def root(transactional_db: None) -> User:
    return AdministratorFactory(email="root@example.com", timezone="Europe/Berlin")


@pytest.fixture
def ada(root: User) -> User:
    return UserFactory(email="ada@example.com")


@pytest.fixture
def grace(root: User) -> User:
    return UserFactory(email="grace@example.com")


def end_of(year: int, month: int, day: int, zone: timezone = WINTER) -> datetime:
    return datetime(year, month, day, 23, 59, 59, tzinfo=zone)


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
def test_tasks_come_in_with_all_that_has_a_place(ada: User, grace: User, root: User, file: str) -> None:
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


def test_tasks_of_one_name_in_a_project_are_told_apart() -> None:
    imported(DATA / "Home.csv", "todoist")
    cans = Task.objects.filter(title="Buy a can").order_by("id")
    assert [can.metadata.get("section", "") for can in cans] == ["", "Garage", "Garage"]
    assert cans[1].metadata["repeats"] == "every monday"
    assert cans[1].due_date is None


def test_a_further_import_writes_what_has_changed_there_and_keeps_what_was_changed_here(
    tmp_path: Path, root: User
) -> None:
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


def test_what_was_deleted_here_stays_so(root: User) -> None:
    imported(DATA / "issues.json", "github")
    delete_task(root, str(Task.objects.get(title="Done").pk))
    output = imported(DATA / "issues.json", "github")
    assert output.startswith("3 rows: 0 created, 0 updated, 2 unchanged, 0 failed;")
    assert "1 were deleted here after an earlier import, and were not imported again." in output
    assert TaskOrigin.objects.filter(task=None).count() == 1


def test_two_lists_with_the_same_ids_do_not_meet(tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.encode("cp1252"),
        lambda text: text.replace(";", "\t").encode(),
        lambda text: text.replace(";", ",").encode(),
        lambda text: ("sep=;\r\n" + text).encode(),
        lambda text: text.replace("\r\n", "\r").encode(),
    ],
    ids=["utf-8", "bom", "utf-16", "windows-1252", "tabs", "commas", "sep=", "cr"],
)
def test_tables_of_spreadsheet_programs_are_taken(tmp_path: Path, encode: Callable[[str], bytes]) -> None:
    file = tmp_path / "Tabelle.csv"
    file.write_bytes(encode("TITLE;dOnE;Due Date;;\r\nGießen;TRUE;2026-03-01;;\r\n;;;;\r\nÄpfel;FALSE\r\n"))
    output = imported(file, "csv")
    assert output.startswith("2 rows: 2 created")
    assert ("read as Windows-1252 (2)" in output) == (encode("ß") == b"\xdf")
    assert dict(Task.objects.values_list("title", "status")) == {"Gießen": Status.DONE, "Äpfel": Status.TODO}


def test_columns_and_words_of_any_table_are_mapped(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("What,Where,How,Effort\nPaint,In QA,asap,5\n")
    assert called("import", file, "--from", "csv")[0] == 2
    options = (
        "--map",
        "What=title",
        "--map",
        "Where=status",
        "--map",
        "How=priority",
        "--map",
        "Effort=metadata.effort",
    )
    imported(file, "csv", *options, "--status", "In QA=in_progress", "--priority", "asap=critical")
    task = Task.objects.get()
    assert (task.title, task.status, task.priority) == ("Paint", Status.IN_PROGRESS, Priority.CRITICAL)
    assert task.metadata == {"effort": "5"}
    imported(DATA / "board.json", "trello", "--status", "Parking=cancelled")
    assert Task.objects.get(title="Some day").status == Status.CANCELLED
    for wrong in (("--map", "Nix=title"), ("--map", "What=shoe"), ("--map", "What"), ("--status", "a=b"),
                  ("--time-zone", "Nowhere")):  # fmt: skip
        assert called("import", file, "--from", "csv", "--map", "Where=title", *wrong, "--dry-run")[0] == 2


def test_the_day_ends_where_the_file_says(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("title,due\nPaint,2026-07-01\n")
    imported(file, "csv", "--time-zone", "America/New_York")
    assert Task.objects.get().due_date == datetime(2026, 7, 2, 3, 59, 59, tzinfo=UTC)
    Task.objects.all().delete()
    TaskOrigin.objects.all().delete()
    # Without an administrator there is no zone but UTC, and no user who would stand in.
    assert called("import", file, "--from", "csv")[0] == 0
    task = Task.objects.get()
    assert (task.due_date, task.created_by, task.assigned_to) == (end_of(2026, 7, 1, UTC), None, None)  # type: ignore[arg-type]


def test_what_is_too_long_is_cut_and_counted(tmp_path: Path) -> None:
    long = "word " * 60
    file = tmp_path / "issues.json"
    file.write_text(json.dumps([{
        "number": 1, "url": "https://github.com/a/b/issues/1", "state": "open", "title": long, "body": "b" * 65_000,
        "labels": [{"name": "l" * 60}], "author": {"login": "ada"},
    }]))  # fmt: skip
    output = imported(file, "github")
    for note in ("titles cut, whole in the description (1)", "descriptions cut (1)", "labels cut (1)"):
        assert note in output
    task = Task.objects.get()
    assert (len(task.title), len(task.description), len(task.labels[0])) == (200, 10_000, 50)
    assert task.description.startswith(long.strip())


def test_halves_of_characters_and_odd_forms_fail_no_run(tmp_path: Path) -> None:
    file = tmp_path / "issues.json"
    issue = {
        "url": "https://github.com/a/b/issues/1",
        "state": "open",
        "number": 1,
        "title": "Half \ud83d",
        "body": "x",
    }
    odd = issue | {"number": 2, "title": {"a": "b"}, "labels": ["\ud800"], "created_at": {"a": 1}}
    file.write_text(json.dumps([issue, odd]))
    code, output, _ = called("import", file, "--from", "github")
    assert (code, output.startswith("2 rows: 1 created, 0 updated, 0 unchanged, 1 failed")) == (1, True)
    assert Task.objects.get().title == "Half ?"
    board = tmp_path / "board.json"
    board.write_text(json.dumps({"cards": [{"id": "1", "name": "Half \udc00"}]}))
    imported(board, "trello")
    assert Task.objects.get(source="trello").title == "Half \ufffd"


@pytest.mark.parametrize(
    ("system", "content"),
    [
        ("trello", b'{"cards": [{"id": "1", "name": "A"}, null, 5, {"id": "2", "name": "B"}]}'),
        ("trello", b'{"cards": [{"id": "1", "name": "A"}, {"labels": [null]}, {"labels": 5}, '
                   b'{"id": "2", "name": "B"}]}'),
        ("github", b'[{"number": 1, "title": "A"}, 5, {"labels": 5}, {"number": 2, "title": "B"}]'),
        ("github", b'{"number": 1, "title": "A"}\n{bad\n[]\n{"number": 2, "title": "B"}\n'),
        ("csv", b"title\nA\nx,y\n,,z\nB\n"),
        ("todoist", b"TYPE,CONTENT\ntask,A\ntask,x,y\ntask,x,y\ntask,B\n"),
        ("jsonl", b'{"source": "csv", "external_id": "1", "title": "A"}\n{"row": 5}\n5\n'
                  b'{"source": "csv", "external_id": "2", "title": "B"}\n'),
    ],
)  # fmt: skip
def test_an_odd_record_fails_alone(tmp_path: Path, system: str, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    code, said, why = called("import", file, "--from", system)
    assert (code, said.startswith("4 rows: 2 created, 0 updated, 0 unchanged, 2 failed")) == (1, True), (said, why)
    assert "run the command again" not in why
    assert set(Task.objects.values_list("title", flat=True)) == {"A", "B"}


@pytest.mark.parametrize("line", ["DUE:20260230T000000Z", "PRIORITY:x", "DUE:", "no property"])
def test_an_odd_task_of_a_calendar_fails_alone(tmp_path: Path, line: str) -> None:
    file = tmp_path / "tasks.ics"
    tasks = "".join(
        f"BEGIN:VTODO\r\nUID:{uid}\r\nSUMMARY:{uid}\r\n{more}\r\nEND:VTODO\r\n"
        for uid, more in (("A", "PRIORITY:1"), ("x", line), ("B", "PRIORITY:1"))
    )
    file.write_text(f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{tasks}END:VCALENDAR\r\n", newline="")
    code, said, why = called("import", file, "--from", "ical")
    assert (code, said.startswith("3 rows: 2 created, 0 updated, 0 unchanged, 1 failed")) == (1, True), (said, why)
    assert set(Task.objects.values_list("title", flat=True)) == {"A", "B"}


@pytest.mark.parametrize("whole", ["", "BEGIN:VCALENDAR\nEND:VCALENDAR\n"])
def test_a_calendar_that_is_cut_off_is_refused(tmp_path: Path, whole: str) -> None:
    file = tmp_path / "tasks.ics"
    file.write_text(f"{whole}BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:1\nSUMMARY:A\nEND:VTODO\nBEGIN:VTODO\nUID:2\n")
    code, _, why = called("import", file, "--from", "ical")
    assert (code, "it ends before END:VCALENDAR" in why) == (2, True)
    assert not Task.objects.exists()


@pytest.mark.parametrize("zone", ["localtime", "Factory", "posixrules", "right/UTC", "../UTC", "Nowhere"])
def test_days_end_in_no_zone_that_differs_between_machines(tmp_path: Path, zone: str) -> None:
    file = tmp_path / "list.csv"
    file.write_text("title,due\nA,2026-03-02\n")
    code, _, why = called("import", file, "--from", "csv", "--time-zone", zone)
    assert (code, f"Unknown time zone {zone}" in why) == (2, True)
    assert not Task.objects.exists()


def test_only_administrators_may(root: User, ada: User) -> None:
    check_may_import(root)
    check_may_import(System("tasks import"))
    with pytest.raises(PermissionDenied):
        check_may_import(ada)
    code, _, why = called("import", DATA / "tasks.csv", "--from", "csv", "--as", ada.email)
    assert (code, why) == (2, "ada@example.com is not an administrator with an open account.")


def test_a_task_is_not_given_to_a_closed_account(ada: User, grace: User, root: User) -> None:
    grace.status = AccountStatus.DEACTIVATED
    grace.save()
    output = imported(DATA / "tasks.csv", "csv")
    assert "assignee 'grace@example.com' is not a user of this server; replaced by the importer (1)" in output
    assert Task.objects.get(title="Water the plants").assigned_to == root


def test_imported_tasks_are_what_both_transports_show(committing_api: Transport, ada: User, grace: User) -> None:
    imported(DATA / "tasks.csv", "csv")
    task = Task.objects.get(title="Water the plants")
    shown = committing_api("TaskService/GetTask", GetTaskRequest(id=str(task.pk)), actor=grace)
    assert (shown.title, shown.created_by, shown.source) == ("Water the plants", str(ada.pk), "csv/tasks")


@pytest.mark.parametrize("file", EXPECTED)
def test_a_file_is_recognised(file: str) -> None:
    code, _, why = called("import", DATA / file)
    assert (code, why.partition("give ")[2]) == (2, f"--from {EXPECTED[file][0]}.")
    assert not Task.objects.exists()


@pytest.mark.parametrize("system", ["csv", "todoist", "trello", "github", "ical", "jsonl"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\0",
        b"{}",
        b"[1, 2]",
        b'{"cards": [1]}',
        b'[{"labels": 5}]',
        b"a,b\n1,2\n",
        b"BEGIN:VCALENDAR\n",
        b"\xff\xfe",
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, system: str, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    code, output, why = called("import", file, "--from", system)
    assert not Task.objects.exists()
    assert code in (1, 2) or output.startswith("0 rows")
    assert "Traceback" not in why


def test_many_chunks_and_a_dry_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 50)
    file = tmp_path / "list.csv"
    file.write_text("title\n" + "".join(f"Task {number % 60}\n" for number in range(130)))
    output = imported(file, "csv", "--dry-run")
    assert output.startswith("Dry run: no task was written.\n130 rows: 130 created")
    assert not Task.objects.exists()
    assert not TaskOrigin.objects.exists()
    assert imported(file, "csv").startswith("130 rows: 130 created")
    assert imported(file, "csv").startswith("130 rows: 0 created, 0 updated, 130 unchanged")
