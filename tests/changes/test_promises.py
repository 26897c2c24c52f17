"""The promises, under a load of many writers: streams that start at any time, are cut, read slowly, and are filtered.

Each validator is shown to see the fault that it is for.
"""

import base64
import copy
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction

from changes.feed import verification, watching
from changes.feed.snapshot import Snapshot
from changes.feed.watching import open_watch
from changes.models import Change
from core.errors import Unauthenticated
from tests.support import promises
from tests.support.notes import Note
from tests.support.promises import Due, Received, Run, Truth
from tests.support.streams import Actor, Process, Stream, actor, caught_up, view, write

GROUPS = ("red", "green", "blue")
LAST = "the last one"


def run_of(stream: Stream, after: str, initial: bool) -> Run:
    received = [
        Received(
            event.name,
            change.subject_id,
            change.subject_version,
            event.cursor,
            change.task.title if change.HasField("task") else None,
            seq=promises.seq_of(event.cursor) if event.name not in promises.MARKS else 0,
        )
        for event, change in stream.events
    ]
    return Run(after, initial, received, stream.ended)


def truth_for(group: str) -> Truth:
    """Return the changes that were due to the members of a group, computed from the images, not by the feed."""
    due = []
    for change in Change.objects.filter(subject_type="note").order_by("seq"):
        before, after = (image is not None and group in image["labels"] for image in (change.old, change.new))
        if not (before or after):
            continue
        name = change.operation if after or change.operation == "deleted" else "deleted"
        state = change.new["title"] if after else None
        due.append(Due(change.seq, change.xid, str(change.subject_id), change.subject_version, name, state))
    return Truth(due)


class Writer(threading.Thread):
    """Writes in transactions of many kinds, from a seed."""

    def __init__(self, seed: int, transactions: int) -> None:
        super().__init__()
        self._random = random.Random(seed)
        self._transactions = transactions
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            for number in range(self._transactions):
                self._write(f"{self._random.random()} {number}")
        except BaseException as exc:
            self.failed = exc
        finally:
            connection.close()

    def _write(self, title: str) -> None:
        chance = self._random.random()
        labels = self._random.sample(GROUPS, self._random.randint(0, 2))
        with transaction.atomic():
            # In one order, so that writers wait for each other without deadlocks.
            mine = Note.objects.order_by("id").select_for_update()
            if chance < 0.4:
                Note.objects.bulk_create(Note(title=title, labels=labels) for _ in range(self._random.randint(1, 6)))
            elif chance < 0.8:
                chosen = [note.pk for note in mine if self._random.random() < 0.2]
                Note.objects.filter(pk__in=chosen).update(title=title, labels=labels)
            else:
                chosen = [note.pk for note in mine if self._random.random() < 0.05]
                Note.objects.filter(pk__in=chosen).delete()
            if self._random.random() < 0.1:  # It holds its ids while others commit.
                connection.cursor().execute("SELECT pg_sleep(0.02)")
            transaction.set_rollback(chance < 0.05)


class Client(threading.Thread):
    """Follows one group's notes, and is cut again and again."""

    def __init__(self, feed: Process, who: Actor, *, initial: bool, seed: int) -> None:
        super().__init__()
        self._feed = feed
        self.who = who
        self.initial = initial
        self._random = random.Random(seed)
        self.runs: list[Run] = []
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            cursor = ""
            while not any(event.state == LAST for run in self.runs for event in run.received):
                cursor = self._follow(cursor) or cursor
        except BaseException as exc:
            self.failed = exc
        finally:
            connection.close()

    def _follow(self, cursor: str) -> str:
        initial = self.initial and not cursor
        stream = Stream(open_watch(self._feed.hub, view(), self.who, cursor=cursor, include_initial=initial))
        enough = self._random.randint(1, 60)
        try:
            stream.take_until(lambda stream: len(stream.events) >= enough or LAST in stream.titles)
        finally:
            stream.close()
        run = run_of(stream, cursor, initial)
        last = next((event.cursor for event in reversed(run.received) if event.cursor), "")
        # A client that is cut off in its initial state has no cursor: it starts over, and so does its record.
        self.runs = [*self.runs, run] if last or cursor else []
        return last


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory and queues so small that streams fall behind, and pages so small that there are many."""
    monkeypatch.setattr("changes.feed.hub.KEPT_CHANGES", 30)
    monkeypatch.setattr("changes.feed.snapshot.PAGE_SIZE", 5)
    monkeypatch.setattr(watching, "MAX_WAITING", 8)


@pytest.mark.parametrize("seed", range(3))
def test_promises_hold_under_load(feed: Process, small: None, seed: int) -> None:
    for group in GROUPS:
        Note.objects.bulk_create(Note(title="before", labels=[group]) for _ in range(8))
    writers = [Writer(seed * 100 + number, 60) for number in range(4)]
    clients = [Client(feed, actor(group), initial=initial, seed=seed) for group in GROUPS for initial in (True, False)]
    for thread in (*clients, *writers):
        thread.start()
    for writer in writers:
        writer.join()
        assert writer.failed is None, writer.failed
    write(LAST, *GROUPS)
    for client in clients:
        client.join()
        assert client.failed is None, client.failed
    assert list(verification.faults()) == []
    for number, client in enumerate(clients):
        truth = truth_for(GROUPS[number // 2])
        final = {str(note.pk): note.title for note in Note.objects.visible_to(client.who)}
        assert final == truth.final()
        assert promises.broken(client.runs, truth, final=final if client.initial else None) == []


class TestTheValidators:
    """A sound record, and one fault planted in it at a time."""

    @pytest.fixture
    def truth(self) -> Truth:
        return Truth([
            Due(1, 7, "a", 1, "created", "a1"),
            Due(2, 7, "b", 1, "created", "b1"),
            Due(5, 9, "a", 2, "updated", "a2"),
            Due(6, 8, "b", 2, "deleted"),
            Due(8, 10, "c", 4, "updated", "c4"),
        ])  # fmt: skip

    @pytest.fixture
    def client(self, truth: Truth) -> list[Run]:
        events = [Received(due.name, due.subject_id, due.version, f"@{due.seq}", due.state) for due in truth.due]
        return [Run("", False, events[:3]), Run("@5", False, events[3:])]

    def test_a_sound_record(self, client: list[Run], truth: Truth) -> None:
        assert promises.broken(client, truth, final={"a": "a2", "c": "c4"}) == []

    @pytest.mark.parametrize(
        ("plant", "seen"),
        [
            (lambda client: client[0].received.reverse(), "came after"),
            (lambda client: client[0].received.insert(1, client[1].received[0]), "came after"),
            (lambda client: client[0].received.pop(1), "lost"),
            (lambda client: client[1].received.pop(0), "it went on with"),
            (lambda client: client[1].received.insert(0, client[0].received[2]), "it went on with"),
            (lambda client: client[0].received.append(client[0].received[2]), "doubled"),
            (lambda client: client[1].received.append(Received("created", "d", 1, "@9", "d1")), "not for this client"),
            (lambda client: client[1].received.__setitem__(0, Received("deleted", "b", 2, "@6", "b1")), "should be"),
            (lambda client: client[1].received.pop(), "the copy says None"),
        ],
    )  # fmt: skip
    def test_planted_fault_is_found(
        self, client: list[Run], truth: Truth, plant: Callable[[list[Run]], Any], seen: str
    ) -> None:
        planted = copy.deepcopy(client)
        plant(planted)
        assert any(seen in fault for fault in promises.broken(planted, truth, final={"a": "a2", "c": "c4"}))

    @pytest.mark.parametrize(
        ("held", "live", "lost"),
        [
            ([("a", 1), ("b", 1)], [2, 3, 4], False),
            ([("a", 2)], [4], False),
            ([("a", 1), ("b", 1)], [3, 4], True),
            ([("b", 1)], [3, 4], True),
            ([("a", 2), ("b", 1)], [4], True),
        ],
    )
    def test_changes_in_the_initial_state_are_not_missing(
        self, truth: Truth, held: list[tuple[str, int]], live: list[int], lost: bool
    ) -> None:
        state = [Received("created", subject_id, version, "", "x") for subject_id, version in held]
        due = [truth.due[place] for place in live]
        events = [Received(each.name, each.subject_id, each.version, f"@{each.seq}", each.state) for each in due]
        assert bool(list(promises.complete([Run("", True, [*state, *events])], truth))) == lost

    def test_deletion_before_the_initial_state_may_be_repeated(self, truth: Truth) -> None:
        """The state began at @2 and was read after the deletion of b; a stream that resumes at @2 sends it again."""
        mark = Received("snapshot_end", "", 0, "@2")
        updated, deleted = Received("updated", "a", 2, "@5", "a2"), Received("deleted", "b", 2, "@6")
        state = Received("created", "a", 2, "", "a2")
        client = [Run("", True, [state, mark]), Run("@2", False, [updated, deleted])]
        assert list(promises.complete(client, truth)) == []
        # The stream of the state knows its content: if it sends the deletion, b existed and was left out.
        assert list(promises.complete([Run("", True, [state, mark, deleted])], truth)) == [f"lost: {truth.due[1]}"]

    def test_membership_that_changes_while_the_state_is_read(self) -> None:
        """The subject that it moved is shown as it is in the state; but only in the stream of that state."""
        truth = Truth([
            Due(1, 7, "a", 1, "created", "a1"),
            Due(3, 8, "a", 1, "deleted", moved=True),
            Due(4, 9, "b", 1, "updated", "b1", moved=True),
            Due(5, 10, "b", 2, "updated", "b2"),
            Due(6, 11, "c", 1, "created", "c1"),
        ])  # fmt: skip
        cursor = base64.urlsafe_b64encode(bytes(66)).decode()
        left = Received("deleted", "a", 1, cursor, seq=3)
        entered = Received("updated", "b", 2, cursor, "b2", seq=4)
        run = Run("", True, [left, entered, Received("created", "c", 1, "@6", "c1")])
        assert promises.broken([run], truth, final={"b": "b2", "c": "c1"}) == []
        run.initial = False
        assert len(promises.broken([run], truth)) == 2
        run.initial, run.received[1] = True, replace(entered, state="b3")
        assert any("should be" in fault for fault in promises.broken([run], truth))

    def test_a_transaction_that_is_torn(self) -> None:
        truth = Truth([Due(n, xid, "abc"[n], 1, "created") for n, xid in enumerate((7, 8, 7))])
        run = Run(received=[Received("created", name, 1, name) for name in "abc"])
        assert list(promises.ordered(run, truth)) == ["a transaction's changes were torn apart"]

    def test_silence_without_bookmarks(self) -> None:
        marks = [Received("bookmark", "", 0, str(at), at=at) for at in (0.0, 14.0, 28.0)]
        assert list(promises.bookmarked(Run(received=marks))) == []
        assert list(promises.bookmarked(Run(received=[marks[0], marks[2]]))) == ["no bookmark for 28.0 s"]

    def test_an_end_without_a_bookmark(self) -> None:
        run = Run(received=[Received("created", "a", 1, "@1")], ended=Unauthenticated("revoked"))
        assert list(promises.ended_well(run, Unauthenticated, bookmarks=False)) == []
        assert list(promises.ended_well(run, Unauthenticated, bookmarks=True)) == ["it ended without a bookmark"]
        assert len(list(promises.ended_well(run, TimeoutError, bookmarks=False))) == 1

    def test_percentiles(self) -> None:
        assert promises.latency([*range(100)]) == (50, 99)


def test_a_stream_that_takes_its_place_after_the_snapshot_is_caught(
    feed: Process, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The naive order, snapshot first and position afterwards, loses what happens in between."""
    write("there", "red")
    rows = Snapshot(view(), actor("red")).page()
    write("in between", "red")
    caught_up(feed)
    after = feed.hub.head.seq
    late = Stream(
        watching.Watch(
            feed.hub, view(), actor("red"), after=after, stamp=watching.cursors.stamp_of(view(), actor("red")),
            initial=False, bookmarks=False,
        )
    )  # fmt: skip
    write(LAST, "red")
    late.take_titles(LAST)
    late.close()
    run = run_of(late, "", initial=True)
    run.received[:0] = [Received("created", row.subject_id, row.version, "", row.new["title"]) for row in rows]
    final = {str(note.pk): note.title for note in Note.objects.all()}
    assert promises.broken([run], truth_for("red"), final=final) != []
