"""What one stream gives: live, from a cursor, with the initial state, through filters."""

import threading
import tracemalloc
from collections import deque
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test import override_settings

from changes.feed import log, numbering, tailer, watching
from changes.feed.hub import Hub
from changes.feed.snapshot import Snapshot
from changes.feed.watching import MAX_WAITING, Item, open_watch
from changes.models import Change
from changes.services import forget
from core.db.ids import uuid7
from core.errors import CursorExpired, CursorInvalid, EpochChanged, TooFarBehind, Unauthenticated
from tests.support.notes import Note
from tests.support.servers import until
from tests.support.streams import PATIENCE_SECONDS, Actor, Process, Stream, actor, caught_up, view, write

ALL = actor("all")


class TestLive:
    def test_what_is_written_comes_in_order_with_its_state(self, feed: Process) -> None:
        stream = feed.watch(ALL)
        note = write("first")
        Note.objects.filter(pk=note.pk).update(title="second")
        note.delete()
        stream.take_until(lambda stream: len(stream.events) == 3)
        assert stream.told == [("created", "first"), ("updated", "second"), ("deleted", "")]
        assert [change.subject_version for change in stream.changes] == [1, 2, 3]
        assert stream.changes[1].changed_fields == ["title"]

    def test_it_begins_now(self, feed: Process) -> None:
        write("before")
        caught_up(feed)
        stream = feed.watch(ALL)
        write("after")
        assert stream.take_titles("after").titles == ["after"]

    def test_what_others_see_is_not_told(self, feed: Process) -> None:
        stream = feed.watch(actor("bob", "team"))
        for labels in (["ann"], ["team"], ["ann", "bob"], ["carl"], ["bob"]):
            write("+".join(labels), *labels)
        assert stream.take_titles("bob").titles == ["team", "ann+bob", "bob"]

    def test_an_event_costs_only_the_streams_that_see_it(self, feed: Process) -> None:
        others = [feed.watch(actor(f"user {number}")) for number in range(20)]
        stream = feed.watch(ALL)
        for each in (*others, stream):
            each.take_all()
        woken = []
        for other in others:
            other.watch._wake = lambda: woken.append(1)
        write("mine")
        stream.take_titles("mine")
        assert woken == []

    def test_streams_share_what_they_send(self, feed: Process) -> None:
        streams = [feed.watch(ALL) for _ in range(3)]
        write("shared")
        payloads = {id(stream.take_titles("shared").events[0][0].payload) for stream in streams}
        assert len(payloads) == 1

    def test_a_rollback_is_not_told(self, feed: Process) -> None:
        stream = feed.watch(ALL)
        with transaction.atomic():
            write("lost")
            transaction.set_rollback(True)
        write("kept")
        assert stream.take_titles("kept").titles == ["kept"]
        assert Change.objects.get(new__title="kept").seq == 1 + stream_start(stream)


def stream_start(stream: Stream) -> int:
    """The number before the stream's first event, if nothing else was written."""
    return int(log.read_head().seq) - len(stream.events)


def test_an_idle_stream_costs_little(feed: Process) -> None:
    """Some 3 KiB on 64 bits; with a thread, a connection or a queue of its own it would be a hundred times that."""
    watches = []
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(500):
            watch = open_watch(feed.hub, view(), actor("all", f"user {number}"), bookmarks=True)
            watch.start(lambda: None)
            assert watch.take(10) == []
            watches.append(watch)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / len(watches) < 5 * 1024
    for watch in watches:
        watch.close()


class TestFilters:
    def test_what_enters_comes_whole_and_what_leaves_is_gone(self, feed: Process) -> None:
        stream = feed.watch(actor("ann"))
        note = write("theirs", "bob")
        for title, labels in (("ours", ["ann", "bob"]), ("still", ["ann"]), ("gone", ["bob"]), ("back", ["ann"])):
            Note.objects.filter(pk=note.pk).update(title=title, labels=labels)
        Note.objects.filter(pk=note.pk).delete()
        stream.take_until(lambda stream: len(stream.events) == 5)
        assert stream.told == [
            ("updated", "ours"),
            ("updated", "still"),
            ("deleted", "left"),
            ("updated", "back"),
            ("deleted", ""),
        ]
        left = stream.changes[2]
        assert (left.subject_id, left.subject_version, left.left_view) == (str(note.pk), 4, True)
        assert {field.name for field, _ in left.ListFields()} <= {
            "cursor", "subject_type", "subject_id", "subject_version", "kind", "occurred_at", "left_view",
        }  # fmt: skip

    def test_a_filter_is_entered_and_left(self, feed: Process) -> None:
        stream = feed.watch(ALL, view(matches=lambda image: image["title"].startswith("x"), bound_to="x"))
        note = write("a")
        for title in ("x1", "x2", "b", "c", "x3"):
            Note.objects.filter(pk=note.pk).update(title=title)
        stream.take_titles("x3")
        assert stream.told == [("updated", "x1"), ("updated", "x2"), ("deleted", "left"), ("updated", "x3")]

    def test_subjects_that_are_named(self, feed: Process) -> None:
        first, second = write("first"), write("second")
        stream = feed.watch(ALL, view(subject_ids=frozenset({str(second.pk), "no id"})), include_initial=True)
        stream.take_titles("second")
        Note.objects.filter(pk=first.pk).update(title="other")
        Note.objects.filter(pk=second.pk).update(title="mine")
        assert stream.take_titles("mine").titles == ["second", "mine"]

    def test_who_sees_a_part_is_told_of_that_part(self, feed: Process) -> None:
        stream = feed.watch(ALL)
        note = write("a", facts={"part": 1})
        Note.objects.filter(pk=note.pk).update(facts={"part": 2})
        Note.objects.filter(pk=note.pk).update(title="b")
        Note.objects.filter(pk=note.pk).update(facts={})
        stream.take_until(lambda stream: len(stream.events) == 3)
        assert [(c.task.title, c.task.description, list(c.changed_fields)) for c in stream.changes] == [
            ("a", "", []),
            ("b", "", ["title"]),
            ("b", "{}", ["description"]),
        ]

    def test_what_was_forgotten_is_gone_and_nothing_more_is_told_of_it(self, feed: Process) -> None:
        start = feed.watch(ALL)
        write("first")
        cursor = start.take_titles("first").cursor
        note = write("secret")
        with transaction.atomic():
            pk = note.pk
            note.delete()
            forget("note", pk)
        write("last")
        live = start.take_titles("last")
        again = feed.watch(ALL, cursor=cursor).take_titles("last")
        assert again.told == [("deleted", ""), ("created", "last")]
        assert again.changes[0].subject_id == str(pk)
        assert live.told[-2:] == again.told


class TestCursors:
    def test_each_event_is_a_place_to_go_on_from(self, feed: Process) -> None:
        stream = feed.watch(ALL)
        titles = [str(number) for number in range(20)]
        for title in titles:
            write(title)
        stream.take_titles("19")
        for position, (event, _) in enumerate(stream.events[:-1]):
            again = feed.watch(ALL, cursor=event.cursor).take_titles("19")
            assert again.titles == titles[position + 1 :]
            again.close()

    def test_it_reaches_back_beyond_memory(self, feed: Process, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("changes.feed.hub.KEPT_CHANGES", 3)
        stream = feed.watch(ALL)
        write("first")
        cursor = stream.take_titles("first").cursor
        Note.objects.bulk_create(Note(title=str(number), labels=["all"]) for number in range(1200))
        write("last")
        caught_up(feed)
        again = feed.watch(ALL, cursor=cursor)
        assert not again.watch.behind
        again.take_all()
        assert again.take_titles("last").titles == [*map(str, range(1200)), "last"]

    @pytest.mark.parametrize("cursor", ["x", "AAAA", "ä", "=" * 64, "A" * 64, "A" * 63])
    def test_nonsense_is_refused(self, feed: Process, cursor: str) -> None:
        with pytest.raises(CursorInvalid):
            feed.watch(ALL, cursor=cursor)

    def test_it_is_good_for_its_operation_and_filter_only(self, feed: Process) -> None:
        cursor = one_cursor(feed)
        for other in (view(bound_to={"statuses": [1]}), view(subject_ids=frozenset(), bound_to=[])):
            with pytest.raises(CursorInvalid):
                feed.watch(ALL, other, cursor=cursor)

    def test_it_is_url_safe_and_every_bit_of_it_counts(self, feed: Process) -> None:
        cursor = one_cursor(feed)
        assert cursor.replace("-", "").replace("_", "").isalnum()
        for position in range(len(cursor)):
            forged = cursor[:position] + ("A" if cursor[position] != "A" else "B") + cursor[position + 1 :]
            with pytest.raises(CursorInvalid):
                feed.watch(ALL, cursor=forged)

    def test_former_keys_still_sign(self, feed: Process, settings: Any) -> None:
        cursor = one_cursor(feed)
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 50, [settings.SECRET_KEY]
        feed.watch(ALL, cursor=cursor)
        settings.SECRET_KEY_FALLBACKS = []
        with pytest.raises(CursorInvalid):
            feed.watch(ALL, cursor=cursor)

    def test_one_of_the_future_is_refused(self, feed: Process) -> None:
        cursor = one_cursor(feed)
        Change.objects.all().delete()
        with connection.cursor() as db:
            db.execute("UPDATE changes_head SET seq = 0, oldest = 1")
        with pytest.raises(CursorInvalid, match="ahead"):
            feed.watch(ALL, cursor=cursor)

    def test_one_whose_successor_is_pruned_is_refused(self, feed: Process) -> None:
        stream = feed.watch(ALL)
        for title in "abc":
            write(title)
        stream.take_titles("c")
        prune_to(stream, "c")
        with pytest.raises(CursorExpired):
            feed.watch(ALL, cursor=stream.events[0][0].cursor)
        assert feed.watch(ALL, cursor=stream.events[1][0].cursor).take_titles("c").titles == ["c"]

    def test_of_another_epoch_is_refused(self, feed: Process) -> None:
        cursor = one_cursor(feed)
        with connection.cursor() as db:
            db.execute("UPDATE changes_head SET epoch = gen_random_uuid()")
        with pytest.raises(EpochChanged):
            feed.watch(ALL, cursor=cursor)

    def test_other_rights_start_over(self, feed: Process) -> None:
        cursor = one_cursor(feed)
        with pytest.raises(EpochChanged, match="Your access has changed"):
            feed.watch(actor("all", "administrators"), cursor=cursor)

    def test_it_grants_nothing(self, feed: Process) -> None:
        cursor = one_cursor(feed)
        write("for all")
        write("for ann", "ann-id")
        bob = Actor(frozenset({"all", "bob-id"}), pk="bob-id")
        again = feed.watch(bob, cursor=cursor)
        write("last")
        assert again.take_titles("last").titles == ["for all", "last"]

    def test_not_together_with_the_initial_state(self, feed: Process) -> None:
        with pytest.raises(ValidationError) as refused:
            feed.watch(ALL, cursor=one_cursor(feed), include_initial=True)
        assert list(refused.value.message_dict) == ["cursor"]

    def test_one_that_another_process_gave_may_be_ahead_of_this_one(self, feed: Process) -> None:
        feed.tailer.stop()
        behind = feed.hub.head.seq
        write("a")
        write("b")
        until(lambda: log.read_head().seq == behind + 2)
        # As the other process, which has read both, would have given it.
        probe = open_watch(feed.hub, view(), ALL)
        cursor = watching.cursors.write(probe._stamp, feed.hub.head.epoch, behind + 1)
        stream = feed.watch(ALL, cursor=cursor)
        stream.take_all()
        feed.tailer.start()
        write("c")
        assert stream.take_titles("c").titles == ["b", "c"]


def one_cursor(feed: Process) -> str:
    stream = feed.watch(ALL)
    write("for a cursor")
    return stream.take_titles("for a cursor").cursor


def prune_to(stream: Stream, title: str) -> None:
    """As if all before this note's creation were too old."""
    oldest = Change.objects.get(new__title=title, operation="created").seq
    with connection.cursor() as db:
        db.execute("UPDATE changes_head SET oldest = %s", [oldest])
    Change.objects.filter(seq__lt=oldest).delete()


class TestInitialState:
    def test_it_comes_first_then_what_happens(self, feed: Process) -> None:
        write("a")
        write("b", "others")
        write("c")
        stream = feed.watch(ALL, include_initial=True, bookmarks=True)
        stream.take_until(lambda stream: len(stream.events) == 3)
        write("d")
        stream.take_titles("d")
        assert sorted(stream.told[:2]) == [("created", "a"), ("created", "c")]
        assert stream.told[2:] == [("snapshot_end", ""), ("created", "d")]
        assert [bool(event.cursor) for event, _ in stream.events] == [False, False, True, True]

    def test_without_bookmarks_its_end_is_not_told(self, feed: Process) -> None:
        write("a")
        stream = feed.watch(ALL, include_initial=True)
        stream.take_titles("a")
        write("b")
        assert stream.take_titles("b").told == [("created", "a"), ("created", "b")]

    def test_of_nothing_it_is_empty(self, feed: Process) -> None:
        stream = feed.watch(ALL, include_initial=True, bookmarks=True)
        stream.take_until(lambda stream: bool(stream.events))
        assert stream.told == [("snapshot_end", "")]

    def test_many_come_in_pages(self, feed: Process, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("changes.feed.snapshot.PAGE", 7)
        Note.objects.bulk_create(Note(title=str(number), labels=["all"]) for number in range(21))
        stream = feed.watch(ALL, include_initial=True, bookmarks=True)
        stream.take_until(lambda stream: ("snapshot_end", "") in stream.told)
        assert sorted(stream.titles, key=int) == [str(number) for number in range(21)]

    def test_what_happens_meanwhile_is_neither_lost_nor_doubled(
        self, feed: Process, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("changes.feed.snapshot.PAGE", 2)
        ids = sorted(uuid7() for _ in range(6))
        for number, pk in enumerate(ids):
            Note.objects.create(id=pk, title=f"{number} v1", labels=["all"])
        caught_up(feed)
        watch = open_watch(feed.hub, view(), ALL, include_initial=True, bookmarks=True)
        snapshot = watch._snapshot
        assert isinstance(snapshot, Snapshot)
        read = snapshot.page

        def written_between_pages() -> list[Any]:
            # Before the second page is read: a row of the first page changes, one of the third, and one goes there.
            if len(done) == 1:
                Note.objects.filter(pk=ids[0]).update(title="0 v2")
                Note.objects.filter(pk=ids[4]).update(title="4 v2")
                Note.objects.filter(pk=ids[5]).delete()
                Note.objects.filter(pk=ids[1]).delete()
                caught_up(feed)
            done.append(1)
            return read()

        done: list[int] = []
        monkeypatch.setattr(Snapshot, "page", lambda self: written_between_pages())
        stream = Stream(watch)
        stream.take_until(lambda stream: ("deleted", "") in stream.told)
        Note.objects.filter(pk=ids[4]).update(title="4 v3")
        stream.take_titles("4 v3")
        stream.close()
        assert stream.told == [
            ("created", "0 v1"), ("created", "1 v1"), ("created", "2 v1"), ("created", "3 v1"), ("created", "4 v2"),
            ("snapshot_end", ""), ("updated", "0 v2"), ("deleted", ""), ("updated", "4 v3"),
        ]  # fmt: skip

    def test_a_transaction_that_is_open_meanwhile_comes_after_it(self, feed: Process, other: Any) -> None:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(
                "INSERT INTO tests_note VALUES (1, now(), now(), gen_random_uuid(), 'open', '{all}', '{}', NULL, '')"
            )
            write("there")
            stream = feed.watch(ALL, include_initial=True, bookmarks=True)
            stream.take_until(lambda stream: ("snapshot_end", "") in stream.told)
        other.commit()
        stream.take_titles("open")
        assert stream.told == [("created", "there"), ("snapshot_end", ""), ("created", "open")]


class TestSlowConsumers:
    def test_one_that_reads_nothing_loses_nothing_and_hurts_nobody(
        self, feed: Process, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("changes.feed.hub.KEPT_CHANGES", 100)
        slow, quick = feed.watch(ALL), feed.watch(ALL)
        slow.take_all()
        count = MAX_WAITING + 900
        for number in range(count):
            write(str(number))
        assert quick.take_titles(str(count - 1)).titles == [str(number) for number in range(count)]
        assert len(slow.watch._waiting) == MAX_WAITING
        slow.take_titles(str(count - 1))
        write("live again")
        assert slow.take_titles("live again").titles == [*map(str, range(count)), "live again"]
        assert slow.watch._after is None

    def test_past_the_stated_lag_it_is_ended_with_a_cursor(
        self, feed: Process, monkeypatch: pytest.MonkeyPatch, settings: Any
    ) -> None:
        settings.WATCH_MOST_BEHIND = 300
        monkeypatch.setattr("changes.feed.hub.KEPT_CHANGES", 100)
        slow = feed.watch(ALL, bookmarks=True)
        slow.take_all()
        count = MAX_WAITING + 500
        Note.objects.bulk_create(Note(title=str(number), labels=["all"]) for number in range(count))
        caught_up(feed)
        slow.take_until(lambda stream: stream.ended is not None)
        assert isinstance(slow.ended, TooFarBehind)
        assert slow.told[-1] == ("bookmark", "")
        again = feed.watch(ALL, cursor=slow.ended.metadata["cursor"]).take_titles(str(count - 1))
        assert slow.titles + again.titles == [str(number) for number in range(count)]

    def test_what_it_missed_is_pruned(self, feed: Process, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("changes.feed.hub.KEPT_CHANGES", 10)
        slow = feed.watch(ALL)
        slow.take_all()
        Note.objects.bulk_create(Note(title=str(number), labels=["all"]) for number in range(MAX_WAITING + 100))
        caught_up(feed)
        prune_to(slow, str(MAX_WAITING + 50))
        slow.take_until(lambda stream: stream.ended is not None)
        assert isinstance(slow.ended, CursorExpired)
        assert slow.titles == [str(number) for number in range(MAX_WAITING)]


class TestRejoining:
    """A slow stream that its door brings up to date while the tailer is in the middle of handing out a batch."""

    @pytest.fixture
    def slow(self, feed: Process, monkeypatch: pytest.MonkeyPatch) -> Stream:
        monkeypatch.setattr(watching, "MAX_WAITING", 5)
        stream = feed.watch(ALL)
        stream.take_all()
        return stream

    def test_what_overflows_while_the_door_looks_whether_anything_waits_keeps_its_order(
        self, feed: Process, slow: Stream
    ) -> None:
        written = False

        class Waiting(deque[Item]):
            def __bool__(self) -> bool:
                nonlocal written
                something = len(self) > 0
                if not written:
                    written = True
                    Note.objects.bulk_create(Note(title=str(number), labels=["all"]) for number in range(20))
                    caught_up(feed)
                return something

        slow.watch._waiting = Waiting()
        slow.take_titles("19")
        assert slow.titles == [str(number) for number in range(20)]

    def test_what_is_still_being_handed_out_is_not_doubled(
        self, feed: Process, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watching, "MAX_WAITING", 5)
        joined, handed_out = threading.Event(), threading.Event()

        def as_the_door(image: Any) -> bool:
            if threading.current_thread() is door and image["title"] == "15":
                joined.set()  # It is live, and shows what it found in memory.
                assert handed_out.wait(PATIENCE_SECONDS)
            return True

        def as_the_tailer(image: Any) -> bool:
            if image["title"] == "8":  # The batch is half handed out.
                door.start()
                assert joined.wait(PATIENCE_SECONDS)
            if image["title"] == "19":
                handed_out.set()
            return False

        slow = feed.watch(ALL, view(matches=as_the_door))
        slow.take_all()
        door = threading.Thread(target=slow.take_all)
        feed.watch(ALL, view(matches=as_the_tailer)).take_all()
        Note.objects.bulk_create(Note(title=str(number), labels=["all"]) for number in range(20))
        assert handed_out.wait(PATIENCE_SECONDS)
        door.join()
        write("last")
        assert slow.take_titles("last").titles == [*map(str, range(20)), "last"]

    def test_it_is_not_left_behind(self, feed: Process, slow: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
        leave = Hub.leave

        def late(hub: Hub, watch: watching.Watch) -> None:
            slow.take_all()
            leave(hub, watch)

        monkeypatch.setattr(Hub, "leave", late)
        Note.objects.bulk_create(Note(title=str(number), labels=["all"]) for number in range(20))
        slow.take_titles("19")
        write("last")
        assert slow.take_titles("last").titles == [*map(str, range(20)), "last"]

    def test_a_stream_of_another_epoch_does_not_join(self, feed: Process) -> None:
        watch = open_watch(feed.hub, view(), ALL)
        epoch = feed.hub.head.epoch
        numbering.new_epoch()
        until(lambda: feed.hub.head.epoch != epoch)
        stream = Stream(watch)
        stream.take_all()
        assert isinstance(stream.ended, EpochChanged)
        stream.close()


class TestBookmarksAndEnds:
    def test_silence_is_bookmarked(self, feed: Process, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watching, "BOOKMARK_SECONDS", 0.05)
        monkeypatch.setattr(tailer, "BOOKMARK_CHECK_SECONDS", 0.01)
        stream, silent = feed.watch(actor("ann"), bookmarks=True), feed.watch(actor("ann"))
        silent.take_all()
        write("not ann's")
        caught_up(feed)
        seq = log.read_head().seq
        stream.take_until(lambda stream: len(stream.events) > 2)
        assert {event.name for event, _ in stream.events} == {"bookmark"}
        # Everything up to the cursor has been delivered, so it goes on after what was not for ann.
        prune_to_head(seq)
        feed.watch(actor("ann"), cursor=stream.cursor)
        silent.take_all()
        assert silent.events == []

    def test_an_end_comes_with_a_last_bookmark(self, feed: Process) -> None:
        stream, plain = feed.watch(ALL, bookmarks=True), feed.watch(ALL)
        write("a")
        stream.take_titles("a")
        plain.take_titles("a")
        write("b")
        caught_up(feed)
        failure = Unauthenticated("The token is revoked.")
        for each in (stream, plain):
            each.watch.end(failure)
            each.take_all()
            assert each.ended is failure
        assert (stream.told[-1], plain.told[-1]) == (("bookmark", ""), ("created", "a"))
        assert feed.watch(ALL, cursor=stream.cursor).take_titles("b").titles == ["b"]

    def test_the_first_end_counts_and_wakes(self, feed: Process) -> None:
        stream = feed.watch(ALL)
        stream.take_all()
        first = Unauthenticated("first")
        stream.watch.end(first)
        stream.watch.end(EpochChanged("second"))
        assert stream._waked.is_set()
        stream.take_all()
        assert stream.ended is first

    def test_inside_the_initial_state_there_is_nothing_to_go_on_from(self, feed: Process) -> None:
        watch = open_watch(feed.hub, view(), ALL, include_initial=True, bookmarks=True)
        watch.end(Unauthenticated("over"))
        stream = Stream(watch)
        stream.take_all()
        assert (stream.events, stream.watch.behind) == ([], False)
        stream.close()

    def test_other_rights_end_it(self, feed: Process) -> None:
        stream = feed.watch(actor("all", "administrators"))
        stream.watch.authorize(actor("administrators", "all"))
        write("still")
        stream.take_titles("still")
        stream.watch.authorize(ALL)
        stream.take_all()
        assert isinstance(stream.ended, EpochChanged)

    def test_another_epoch_ends_it(self, feed: Process) -> None:
        stream = feed.watch(ALL)
        stream.take_all()
        with connection.cursor() as db:
            db.execute("UPDATE changes_head SET epoch = gen_random_uuid()")
        stream.take_until(lambda stream: stream.ended is not None)
        assert isinstance(stream.ended, EpochChanged)
        write("of the new one")
        again = feed.watch(ALL)
        write("newer")
        again.take_titles("newer")

    def test_a_fault_of_ours_ends_who_might_not_have_been_told(
        self, feed: Process, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        stream = feed.watch(ALL, view(matches=lambda image: bool(1 / (image["title"] != "planted"))))
        other = feed.watch(ALL)
        write("sound")
        other.take_titles("sound")
        write("planted")
        for each in (stream, other):
            each.take_until(lambda each: each.ended is not None)
            assert isinstance(each.ended, ZeroDivisionError)
        until(lambda: "The tailer thread failed; trying again" in caplog.text)
        again = feed.watch(ALL, cursor=other.cursor)
        write("after")
        assert again.take_titles("after").titles == ["planted", "after"]

    def test_what_is_closed_is_forgotten(self, feed: Process) -> None:
        stream = feed.watch(ALL)
        stream.take_all()
        assert feed.hub._waiting
        stream.close()
        stream.close()
        assert (feed.hub._waiting, feed.hub._subscribers) == ({}, set())


def prune_to_head(seq: int) -> None:
    with connection.cursor() as db:
        db.execute("UPDATE changes_head SET oldest = %s", [seq + 1])
    Change.objects.filter(seq__lte=seq).delete()


@override_settings(WATCH_MOST_BEHIND=1)
def test_who_comes_from_far_back_may_be_far_back(feed: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("changes.feed.hub.KEPT_CHANGES", 3)
    cursor = one_cursor(feed)
    Note.objects.bulk_create(Note(title=str(number), labels=["all"]) for number in range(800))
    caught_up(feed)
    assert len(feed.watch(ALL, cursor=cursor).take_titles("799").titles) == 800
