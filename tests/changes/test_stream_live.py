"""Live changes of one stream, through its filters."""

import tracemalloc

from django.db import transaction

from changes.feed import log
from changes.feed.watching import open_watch
from changes.models import Change
from changes.services import forget
from tests.support.notes import Note
from tests.support.streams import ALL, Process, Stream, actor, caught_up, view, write


class TestLive:
    def test_changes_arrive_in_order_with_their_state(self, feed: Process) -> None:
        stream = feed.watch(ALL)
        note = write("first")
        Note.objects.filter(pk=note.pk).update(title="second")
        note.delete()
        stream.take_until(lambda stream: len(stream.events) == 3)
        assert stream.outline == [("created", "first"), ("updated", "second"), ("deleted", "")]
        assert [change.subject_version for change in stream.changes] == [1, 2, 3]
        assert stream.changes[1].changed_fields == ["title"]

    def test_stream_without_cursor_begins_with_the_next_change(self, feed: Process) -> None:
        write("before")
        caught_up(feed)
        stream = feed.watch(ALL)
        write("after")
        assert stream.take_titles("after").titles == ["after"]

    def test_changes_that_only_others_may_see_are_not_sent(self, feed: Process) -> None:
        stream = feed.watch(actor("bob", "team"))
        for labels in (["ann"], ["team"], ["ann", "bob"], ["carl"], ["bob"]):
            write("+".join(labels), *labels)
        assert stream.take_titles("bob").titles == ["team", "ann+bob", "bob"]

    def test_event_wakes_only_the_streams_that_may_see_it(self, feed: Process) -> None:
        others = [feed.watch(actor(f"user {number}")) for number in range(20)]
        stream = feed.watch(ALL)
        for each in (*others, stream):
            each.take_all()
        write("mine")
        stream.take_titles("mine")
        assert not any(other.waked.is_set() for other in others)

    def test_streams_share_payloads(self, feed: Process) -> None:
        streams = [feed.watch(ALL) for _ in range(3)]
        write("shared")
        payloads = {id(stream.take_titles("shared").events[0][0].payload) for stream in streams}
        assert len(payloads) == 1

    def test_rolled_back_change_is_not_sent(self, feed: Process) -> None:
        stream = feed.watch(ALL)
        with transaction.atomic():
            write("lost")
            transaction.set_rollback(True)
        write("kept")
        assert stream.take_titles("kept").titles == ["kept"]
        assert Change.objects.get(new__title="kept").seq == 1 + stream_start(stream)


def stream_start(stream: Stream) -> int:
    """Return the number before the stream's first event, if nothing else was written."""
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
    def test_row_that_becomes_visible_is_sent_whole_and_hidden_row_as_deleted(self, feed: Process) -> None:
        stream = feed.watch(actor("ann"))
        note = write("theirs", "bob")
        for title, labels in (("ours", ["ann", "bob"]), ("still", ["ann"]), ("gone", ["bob"]), ("back", ["ann"])):
            Note.objects.filter(pk=note.pk).update(title=title, labels=labels)
        Note.objects.filter(pk=note.pk).delete()
        stream.take_until(lambda stream: len(stream.events) == 5)
        assert stream.outline == [
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

    def test_row_that_enters_and_leaves_a_filter(self, feed: Process) -> None:
        stream = feed.watch(ALL, view(matches=lambda image: image["title"].startswith("x"), bound_to="x"))
        note = write("a")
        for title in ("x1", "x2", "b", "c", "x3"):
            Note.objects.filter(pk=note.pk).update(title=title)
        stream.take_titles("x3")
        assert stream.outline == [("updated", "x1"), ("updated", "x2"), ("deleted", "left"), ("updated", "x3")]

    def test_stream_of_named_subjects(self, feed: Process) -> None:
        first, second = write("first"), write("second")
        stream = feed.watch(ALL, view(subject_ids=frozenset({str(second.pk), "no id"})), include_initial=True)
        stream.take_titles("second")
        Note.objects.filter(pk=first.pk).update(title="other")
        Note.objects.filter(pk=second.pk).update(title="mine")
        assert stream.take_titles("mine").titles == ["second", "mine"]

    def test_partial_visibility_sends_only_the_visible_fields(self, feed: Process) -> None:
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

    def test_forgotten_subject_is_sent_only_as_deleted(self, feed: Process) -> None:
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
        assert again.outline == [("deleted", ""), ("created", "last")]
        assert again.changes[0].subject_id == str(pk)
        assert live.outline[-2:] == again.outline
