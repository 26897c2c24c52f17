"""`manage.py tasks import`: encodings, columns, time zones, and records that are invalid."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tasks.models import Priority, Status, Task, TaskOrigin
from tests.support.task_imports import DATA, called, end_of, imported

pytestmark = pytest.mark.django_db(transaction=True)


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
def test_tables_of_spreadsheet_programs_are_read(tmp_path: Path, encode: Callable[[str], bytes]) -> None:
    file = tmp_path / "Tabelle.csv"
    file.write_bytes(encode("TITLE;dOnE;Due Date;;\r\nGießen;TRUE;2026-03-01;;\r\n;;;;\r\nÄpfel;FALSE\r\n"))
    output = imported(file, "csv")
    assert output.startswith("2 rows: 2 created")
    assert ("read as Windows-1252 (2)" in output) == (encode("ß") == b"\xdf")
    assert dict(Task.objects.values_list("title", "status")) == {"Gießen": Status.DONE, "Äpfel": Status.TODO}


def test_columns_and_values_of_any_table_are_mapped(tmp_path: Path) -> None:
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


def test_due_day_ends_in_the_given_time_zone(tmp_path: Path) -> None:
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


def test_long_texts_are_cut_and_counted(tmp_path: Path) -> None:
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


def test_lone_surrogates_and_wrong_types_do_not_end_the_import(tmp_path: Path) -> None:
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
def test_invalid_record_fails_alone(tmp_path: Path, system: str, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    code, said, why = called("import", file, "--from", system)
    assert (code, said.startswith("4 rows: 2 created, 0 updated, 0 unchanged, 2 failed")) == (1, True), (said, why)
    assert "run the command again" not in why
    assert set(Task.objects.values_list("title", flat=True)) == {"A", "B"}


@pytest.mark.parametrize("line", ["DUE:20260230T000000Z", "PRIORITY:x", "DUE:", "no property"])
def test_invalid_task_of_a_calendar_fails_alone(tmp_path: Path, line: str) -> None:
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
def test_truncated_calendar_is_rejected(tmp_path: Path, whole: str) -> None:
    file = tmp_path / "tasks.ics"
    file.write_text(f"{whole}BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:1\nSUMMARY:A\nEND:VTODO\nBEGIN:VTODO\nUID:2\n")
    code, _, why = called("import", file, "--from", "ical")
    assert (code, "it ends before END:VCALENDAR" in why) == (2, True)
    assert not Task.objects.exists()


@pytest.mark.parametrize("zone", ["localtime", "Factory", "posixrules", "right/UTC", "../UTC", "Nowhere"])
def test_time_zones_of_the_machine_are_rejected(tmp_path: Path, zone: str) -> None:
    file = tmp_path / "list.csv"
    file.write_text("title,due\nA,2026-03-02\n")
    code, _, why = called("import", file, "--from", "csv", "--time-zone", zone)
    assert (code, f"Unknown time zone {zone}" in why) == (2, True)
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
def test_file_of_another_kind_is_rejected(tmp_path: Path, system: str, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    code, output, why = called("import", file, "--from", system)
    assert not Task.objects.exists()
    assert code in (1, 2) or output.startswith("0 rows")
    assert "Traceback" not in why
