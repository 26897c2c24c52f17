"""`manage.py changes`: tail, prune, verify, new-epoch."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from changes.feed import log, numbering, retention, subjects
from changes.models import Change, Head
from changes.services import acting
from core.errors import EpochChanged
from tests.support.notes import Note
from tests.support.servers import ROOT, database_url
from tests.support.streams import NOTES, Process, actor, write

ALL = actor("all")
#: How long a command may take to print what is expected.
PATIENCE_SECONDS = 120


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("changes", *arguments, stdout=out)
    return out.getvalue()


def execute(statement: str, *values: Any) -> None:
    """Disable the triggers, as a person with the database's password may."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("RESET session_replication_role")


@pytest.fixture
def numbered(committed_notes: None) -> Iterator[int]:
    """Six changes of two notes; gives the first one's number."""
    subjects.register(NOTES)
    assert numbering.try_acquire_leadership()
    first, _ = write("a"), write("b")
    Note.objects.update(title="c")
    Note.objects.filter(pk=first.pk).update(title="d")
    Note.objects.filter(pk=first.pk).delete()
    numbering.number()
    yield Change.objects.order_by("seq").first().seq
    subjects.registered.pop("note")
    connection.close()


class TestVerify:
    def test_a_sound_log(self, numbered: int) -> None:
        assert command("verify") == f"Change log OK (sequence {numbered} to {numbered + 5}).\n"

    @pytest.mark.parametrize(
        ("damage", "received"),
        [
            ("DELETE FROM changes_change WHERE seq = %(first)s + 2", "a number is missing before"),
            ("DELETE FROM changes_change WHERE seq = %(first)s", "does not begin at its head"),
            ("TRUNCATE changes_change", "changes missing between the head's oldest and last number: 6"),
            ("DELETE FROM changes_change WHERE seq = %(first)s + 5", "does not end at its head's last number"),
            ("UPDATE changes_change SET xid = (SELECT xid FROM changes_change WHERE seq = %(first)s)"
             " WHERE seq = %(first)s + 4", "a transaction is divided before"),
            ("UPDATE changes_change SET subject_version = 7 WHERE seq = %(first)s + 4", "version does not follow"),
            ("UPDATE tests_note SET title = 'unlogged'", "the last change of note"),
            ("DELETE FROM tests_note", "the last change of note"),
        ],
    )  # fmt: skip
    def test_check_reports_every_inconsistency(self, numbered: int, damage: str, received: str) -> None:
        execute(damage % {"first": numbered})
        with pytest.raises(CommandError, match=received):
            command("verify")


class TestPrune:
    def test_by_age(self, numbered: int, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
        monkeypatch.setattr(retention, "BATCH", 2)
        settings.CHANGES_KEPT_DAYS = 3
        long_ago = timezone.now() - timedelta(days=4)
        # The fourth is young, so its successors stay, even those with an older date.
        execute("UPDATE changes_change SET occurred_at = %s WHERE seq <> %s", long_ago, numbered + 3)
        assert command("prune") == "3 changes deleted.\n"
        head = log.read_head()
        assert (head.oldest, head.seq) == (numbered + 3, numbered + 5)
        assert command("prune") == "0 changes deleted.\n"
        assert "Change log OK" in command("verify")

    def test_by_number(self, numbered: int, settings: Any) -> None:
        settings.CHANGES_KEPT_ROWS = 2
        assert command("prune") == "4 changes deleted.\n"
        assert log.read_head().oldest == numbered + 4

    def test_all_of_it(self, numbered: int, settings: Any) -> None:
        settings.CHANGES_KEPT_DAYS = 3
        execute("UPDATE changes_change SET occurred_at = %s", timezone.now() - timedelta(days=4))
        assert command("prune") == "6 changes deleted.\n"
        assert log.read_head().oldest == numbered + 6
        write("next")
        numbering.number()
        assert "Change log OK" in command("verify")

    def test_without_limits_everything_stays(self, numbered: int, settings: Any) -> None:
        settings.CHANGES_KEPT_DAYS = settings.CHANGES_KEPT_ROWS = 0
        execute("UPDATE changes_change SET occurred_at = %s", timezone.now() - timedelta(days=4000))
        assert command("prune") == "0 changes deleted.\n"

    def test_changes_without_number_are_kept(self, numbered: int, settings: Any) -> None:
        settings.CHANGES_KEPT_ROWS = 1
        write("unnumbered")
        assert command("prune") == "5 changes deleted.\n"
        assert Change.objects.filter(seq=None).count() == 1


class TestNewEpoch:
    def test_new_epoch_invalidates_all_cursors(self, feed: Process) -> None:
        stream = feed.watch(ALL)
        write("a")
        stream.take_titles("a")
        assert command("new-epoch") == "All cursors are invalid; clients start over.\n"
        with pytest.raises(EpochChanged):
            feed.watch(ALL, cursor=stream.cursor)
        stream.take_until(lambda stream: stream.ended is not None)


class TestTail:
    def test_follow_prints_changes_until_interrupted(self, feed: Process) -> None:
        variables = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": database_url()}

        def tail(*arguments: str) -> subprocess.Popen[str]:
            return subprocess.Popen(
                [sys.executable, "manage.py", "changes", "tail", *arguments],
                cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip

        with _ended(tail("--json")) as running:
            # It begins at what is the end when it has started, so something is written until it prints.
            wrote = Writer()
            try:
                line = _line_of(running)
            finally:
                wrote.stop()
            running.send_signal(signal.SIGINT)
            rest, said = running.communicate(timeout=20)
        assert (running.returncode, "Traceback" in said) == (0, False)
        assert json.loads(line)["new"]["title"] == "again"
        last = json.loads([line, *rest.splitlines()][-1])
        with acting("ann", "to be seen"):
            write("afterwards")
        with _ended(tail("--cursor", last["cursor"])) as again:
            while "by ann" not in (line := _line_of(again)):
                pass
        assert line.endswith("created, version 1, by ann: to be seen\n")

    def test_invalid_cursor_is_reported(self, numbered: int) -> None:
        with pytest.raises(CommandError, match="Invalid cursor"):
            command("tail", "--cursor", "x")

    def test_pending_changes_are_numbered_first(self, committed_notes: None) -> None:
        Head.objects.all().delete()
        Note.objects.create(title="Before anything was served")
        command("verify")
        assert not Change.objects.filter(seq=None).exists()


@contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Kill the process at the end, and after a time in which it should have printed what is expected."""
    too_late = threading.Timer(PATIENCE_SECONDS, process.kill)
    too_late.start()
    with process:  # It waits for the end, and closes the pipes.
        try:
            yield process
        finally:
            process.kill()
            too_late.cancel()


def _line_of(process: subprocess.Popen[str]) -> str:
    """Return the next line that the process prints; fail with its errors if it ends before."""
    assert process.stdout is not None and process.stderr is not None
    line = process.stdout.readline()
    assert line, f"it ended: {process.stderr.read()}"
    return line


class Writer:
    """Writes again and again until it is stopped."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stopped.wait(0.05):
                write("again")
        finally:
            connection.close()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


def test_help_names_the_commands() -> None:
    said = subprocess.run(
        [sys.executable, "manage.py", "changes", "--help"],
        cwd=ROOT, env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true"},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert all(name in said for name in ("tail", "prune", "verify", "new-epoch"))
