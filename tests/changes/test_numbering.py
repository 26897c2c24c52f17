"""Numbers are assigned after the commit: dense, transactions whole, versions in order, by any process."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from changes.feed import log, numbering, verification
from changes.feed.numberer import Sequencer
from changes.models import Change, Head
from changes.services import acting, forget
from core.db.listener import NotificationListener
from tests.support.notes import Note
from tests.support.servers import ROOT, database_url, until
from tests.support.streams import Process, actor, write

INSERT = "INSERT INTO tests_note VALUES (1, now(), now(), gen_random_uuid(), %s, '{all}', '{}', NULL, '')"
ROWS = "SELECT 1, now(), now(), gen_random_uuid(), 'many', '{all}', '{}', NULL, '' FROM generate_series(1, 200)"
UPDATE = "UPDATE tests_note SET title = %s WHERE title = %s"

#: Reads the next rows; returns their titles and the position after them.
Reader = Callable[[Any], tuple[list[str], Any]]


def by_id(after: Any) -> tuple[list[str], Any]:
    """Read in the order of writing: the first naive reader."""
    rows = list(Change.objects.filter(id__gt=after or 0).order_by("id"))
    return [row.new["title"] for row in rows], rows[-1].id if rows else after


#: Of transactions that began before each one that is running in this database. `pg_snapshot_xmin` would also wait for
#: those of other tests, in other databases of the server.
FINISHED = (
    "xid < coalesce((SELECT min(backend_xid::text::bigint) FROM pg_stat_activity"
    " WHERE datname = current_database()), 9223372036854775807)"
)


def by_id_of_finished(after: Any) -> tuple[list[str], Any]:
    """Read only rows of transactions without a running predecessor: the second naive reader."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, new->>'title' FROM changes_change WHERE id > %s AND {FINISHED} ORDER BY id",
            [after or 0],
        )
        rows = cursor.fetchall()
    return [title for _, title in rows], rows[-1][0] if rows else after


def by_transaction(after: Any) -> tuple[list[str], Any]:
    """Read by transaction, in the order of their beginning: the third naive reader."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT xid, id, new->>'title' FROM changes_change"
            f" WHERE (xid, id) > (%s, %s) AND {FINISHED} ORDER BY xid, id",
            after or [0, 0],
        )
        rows = cursor.fetchall()
    return [title for _, _, title in rows], list(rows[-1][:2]) if rows else after


def by_seq(after: Any) -> tuple[list[str], Any]:
    """Read by number, as the product does."""
    numbering.number()
    _, until_seq, changes = log.read(after or 0)
    return [change.new["title"] for change in changes if change.new], until_seq


@pytest.fixture
def office(committed_notes: None) -> Iterator[None]:
    """Numbers are assigned by the session of the test, on request."""
    assert numbering.try_acquire_leadership()
    yield
    connection.close()


@contextmanager
def transactions(*wrappers: BaseDatabaseWrapper) -> Iterator[None]:
    for wrapper in wrappers:
        wrapper.set_autocommit(False)
    try:
        yield
    finally:
        for wrapper in wrappers:
            wrapper.rollback()
            wrapper.set_autocommit(True)


def run(wrapper: BaseDatabaseWrapper, statement: str, *values: str) -> None:
    with wrapper.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.fixture
def third(other: BaseDatabaseWrapper) -> Iterator[BaseDatabaseWrapper]:
    another = connection.copy()
    another.inc_thread_sharing()
    yield another
    another.close()


def a_lower_id_commits_later(read: Reader, slow: Any, quick: Any) -> list[str]:
    with transactions(slow):
        run(slow, INSERT, "slow")
        run(quick, INSERT, "quick")
        first, place = read(None)
        slow.commit()
    return first + read(place)[0]


def a_lower_id_is_of_a_later_transaction(read: Reader, one: Any, two: Any) -> list[str]:
    # `one` begins first (so its number is lower) and writes last.
    with transactions(one, two):
        run(one, "SELECT pg_current_xact_id()")
        run(two, INSERT, "written first")
        run(one, INSERT, "written last")
        one.commit()
        first, place = read(None)
        two.commit()
    return first + read(place)[0]


def versions_are_made_against_the_order_of_transactions(read: Reader, one: Any, two: Any) -> list[str]:
    run(one, INSERT, "v1")
    with transactions(one, two):
        run(one, "SELECT pg_current_xact_id()")
        run(two, UPDATE, "v2", "v1")
        two.commit()
        run(one, UPDATE, "v3", "v2")
        first, place = read(None)
        one.commit()
    return first + read(place)[0]


INTERLEAVINGS = {
    a_lower_id_commits_later: {"slow", "quick"},
    a_lower_id_is_of_a_later_transaction: {"written first", "written last"},
    versions_are_made_against_the_order_of_transactions: {"v1", "v2", "v3"},
}


def faults(seen: list[str], expected: set[str]) -> set[str]:
    found = set()
    if set(seen) != expected:
        found.add("lost")
    if len(seen) != len(set(seen)):
        found.add("doubled")
    versions = [title for title in seen if title.startswith("v")]
    if versions != sorted(versions):
        found.add("disordered")
    return found


@pytest.mark.usefixtures("office")
class TestInterleavings:
    @pytest.mark.parametrize("interleaving", INTERLEAVINGS)
    def test_no_change_is_lost_or_out_of_order(self, interleaving: Any, other: Any, third: Any) -> None:
        assert faults(interleaving(by_seq, other, third), INTERLEAVINGS[interleaving]) == set()

    @pytest.mark.parametrize(
        ("read", "interleaving", "fault"),
        [
            (by_id, a_lower_id_commits_later, "lost"),
            (by_id, a_lower_id_is_of_a_later_transaction, "lost"),
            (by_id_of_finished, a_lower_id_is_of_a_later_transaction, "lost"),
            (by_transaction, versions_are_made_against_the_order_of_transactions, "disordered"),
        ],
    )
    def test_naive_readers_fail(self, read: Reader, interleaving: Any, fault: str, other: Any, third: Any) -> None:
        assert fault in faults(interleaving(read, other, third), INTERLEAVINGS[interleaving])

    def test_a_transaction_that_wrote_in_turns_with_another_stays_together(self, other: Any, third: Any) -> None:
        with transactions(other, third):
            for number in range(3):
                run(other, INSERT, f"a{number}")
                run(third, INSERT, f"b{number}")
            other.commit()
            third.commit()
        assert "".join(by_seq(None)[0]) == "a0a1a2b0b1b2"

    def test_numbers_are_dense_across_rollbacks(self) -> None:
        for number in range(4):
            with transaction.atomic():
                write(str(number))
                transaction.set_rollback(number % 2 == 0)
        start = log.read_head().seq
        assert numbering.number() == 2
        assert list(Change.objects.order_by("seq").values_list("seq", "new__title")) == [
            (start + 1, "1"),
            (start + 2, "3"),
        ]
        assert numbering.number() == 0

    def test_cost_of_a_batch_does_not_depend_on_earlier_changes(self) -> None:
        def blocks() -> int:
            with connection.cursor() as cursor:
                cursor.execute(f"INSERT INTO tests_note {ROWS}")
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {numbering.NUMBER}", [numbering.NUMBERED])
                plan = cursor.fetchone()[0][0]["Plan"]
            reading = next(part for part in plan["Plans"] if part.get("Subplan Name") == "CTE unnumbered")
            return int(reading["Shared Hit Blocks"] + reading["Shared Read Blocks"])

        first = max(blocks() for _ in range(3))
        for _ in range(12):
            blocks()
        # PostgreSQL clears the index of dead entries every few batches, but not while a transaction runs that began
        # before them, as one of another process's test.
        until(lambda: median(blocks() for _ in range(5)) < 3 * first, "a batch costs as much as the first", 30)

    def test_statement_is_never_jit_compiled(self) -> None:
        """Before PostgreSQL 18 the costs of its plan are beyond every threshold: 1.4 seconds for each batch."""
        with connection.cursor() as cursor:
            cursor.execute("SET jit_above_cost = 0")
            try:
                write("a")
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {numbering.NUMBER}", [numbering.NUMBERED])
                (explained,) = cursor.fetchone()[0]
            finally:
                cursor.execute("RESET jit_above_cost")
        assert "JIT" not in explained

    def test_concurrent_forgetting_succeeds(self, other: Any) -> None:
        note = write("secret")
        with transactions(other):
            run(other, "UPDATE changes_change SET reason = 'held' WHERE subject_id = %s", str(note.pk))
            with pytest.raises(Exception, match="lock timeout"):
                numbering.number()
            other.commit()
        assert numbering.number() == 1
        forget("note", note.pk)


class TestEveryWriter:
    """A stream of all changes: of services, of plain saves as in the admin site, of bulk statements and of SQL."""

    def test_numbered_change_is_in_the_feed(self, feed: Process, other: BaseDatabaseWrapper) -> None:
        stream = feed.watch(actor("all"))
        with acting("service", "because"):
            write("by a service")
        write("by a plain save")
        Note.objects.bulk_create([Note(title="in bulk", labels=["all"])])
        Note.objects.filter(title="in bulk").update(title="updated in bulk")
        run(other, INSERT, "by SQL")
        with other.cursor() as cursor:
            cursor.execute("TRUNCATE tests_note")
        stream.take_until(lambda stream: [event.name for event, _ in stream.events].count("deleted") == 4)
        assert stream.titles == ["by a service", "by a plain save", "in bulk", "updated in bulk", "by SQL"]
        assert list(verification.faults()) == []


class TestOffice:
    def test_one_process_leads_and_another_takes_over(self, committed_notes: None) -> None:
        first, second = Sequencer(), Sequencer()
        try:
            first.start()
            until(lambda: first.is_leader)
            second.start()
            write("a")
            until(lambda: Change.objects.get(new__title="a").seq is not None)
            assert not second.is_leader
            first.stop()
            until(lambda: second.is_leader)
            write("b")
            until(lambda: Change.objects.get(new__title="b").seq is not None)
        finally:
            first.stop()
            second.stop()

    def test_a_killed_one_is_replaced(self, committed_notes: None) -> None:
        # Another process in office, killed in the middle of its work.
        script = (
            "import django, time; django.setup()\n"
            "from changes.feed.numberer import Sequencer\n"
            "numberer = Sequencer(); numberer.start()\n"
            "while not numberer.is_leader: time.sleep(0.01)\n"
            "print('in office', flush=True); time.sleep(60)\n"
        )
        variables = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": database_url()}
        process = subprocess.Popen(
            [sys.executable, "-c", script], cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True
        )
        successor = Sequencer()
        try:
            assert process.stdout is not None and process.stdout.readline() == "in office\n"
            successor.start()
            writer = threading.Thread(target=write_many)
            writer.start()
            until(lambda: Change.objects.filter(seq__isnull=False).count() > 50)
            assert not successor.is_leader
            process.send_signal(signal.SIGKILL)
            writer.join()
            until(lambda: successor.is_leader)
            until(lambda: not Change.objects.filter(seq=None).exists())
        finally:
            process.kill()
            process.wait()
            successor.stop()
        assert list(verification.faults()) == []
        assert Change.objects.count() == 400

    def test_cut_connections_are_made_again(self, feed: Process) -> None:
        stream = feed.watch(actor("all"))
        for number in range(5):
            write(f"before {number}")
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND datname = current_database() AND query ILIKE '%changes%'"
                )
            write(f"after {number}")
        stream.take_titles("after 4")
        assert stream.titles == [f"{when} {number}" for number in range(5) for when in ("before", "after")]

    def test_commit_without_notification_is_found(self, feed: Process) -> None:
        stream = feed.watch(actor("all"))
        write("quietly")
        assert stream.take_titles("quietly").titles == ["quietly"]

    def test_acting_notifies_after_the_commit(self, committed_notes: None, monkeypatch: pytest.MonkeyPatch) -> None:
        rung = []
        monkeypatch.setattr("changes.feed.notify_sequencer", lambda: rung.append(connection.in_atomic_block))
        with acting("service"), acting("part"):
            write("a")
            assert rung == []
        assert rung == [False, False]


def write_many() -> None:
    try:
        for number in range(200):
            note = write(str(number))
            Note.objects.filter(pk=note.pk).update(title=f"{number}!")
    finally:
        connection.close()


class TestEpoch:
    def test_another_cluster_is_another_epoch(self, office: None) -> None:
        before = log.read_head()
        assert numbering.try_acquire_leadership()
        assert log.read_head() == before
        Head.objects.update(system_identifier=1)
        assert numbering.try_acquire_leadership()
        after = log.read_head()
        assert (after.epoch != before.epoch, after.seq) == (True, before.seq)

    def test_a_head_that_is_lost_is_found_again_as_another_epoch(self, office: None) -> None:
        write("a")
        numbering.number()
        before = log.read_head()
        Head.objects.all().delete()
        assert numbering.try_acquire_leadership()
        after = log.read_head()
        assert (after.seq, after.epoch != before.epoch) == (before.seq, True)

    def test_an_ordinary_role_may_number(self, office: None) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP ROLE IF EXISTS tests_ordinary; CREATE ROLE tests_ordinary")
            try:
                cursor.execute("GRANT ALL ON changes_head, changes_change TO tests_ordinary")
                cursor.execute("SET ROLE tests_ordinary")
                assert numbering.try_acquire_leadership()
            finally:
                cursor.execute("RESET ROLE; DROP OWNED BY tests_ordinary; DROP ROLE tests_ordinary")


class TestRoutine:
    def test_failure_is_logged_and_numbering_continues(
        self, transactional_db: None, caplog: pytest.LogCaptureFixture
    ) -> None:
        steps = []

        def step(waked: bool) -> None:
            steps.append(waked)
            if len(steps) == 1:
                raise RuntimeError("planted")

        listener = NotificationListener("tester", channel="tests", poll_seconds=0.01, step=step)
        listener.start()
        until(lambda: len(steps) > 2)
        listener.stop()
        listener.stop()
        assert not listener.running
        assert "The tester thread failed; trying again" in caplog.text
