"""Bookmarks, and the ends of streams."""

import gc
import weakref

import pytest
from django.db import connection

from changes.feed import log, tailer, watching
from changes.feed.watching import Watch, open_watch
from changes.models import Change
from core.errors import EpochChanged, Unauthenticated
from tests.support.servers import until
from tests.support.streams import ALL, Process, Stream, actor, caught_up, view, write


class TestBookmarksAndEnds:
    def test_idle_stream_gets_bookmarks(self, feed: Process, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watching, "BOOKMARK_SECONDS", 0.05)
        monkeypatch.setattr(tailer, "BOOKMARK_CHECK_SECONDS", 0.01)
        stream, silent = feed.watch(actor("ann"), bookmarks=True), feed.watch(actor("ann"))
        silent.take_all()
        write("not ann's")
        caught_up(feed)
        seq = log.read_head().seq
        stream.take_until(lambda stream: len(stream.events) > 2)
        assert {event.name for event, _ in stream.events} == {"bookmark"}
        # Everything up to the cursor has been delivered, so the stream resumes after the change that was not for ann.
        prune_to_head(seq)
        feed.watch(actor("ann"), cursor=stream.cursor)
        silent.take_all()
        assert silent.events == []

    def test_end_is_preceded_by_a_last_bookmark(self, feed: Process) -> None:
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
        assert (stream.outline[-1], plain.outline[-1]) == (("bookmark", ""), ("created", "a"))
        assert feed.watch(ALL, cursor=stream.cursor).take_titles("b").titles == ["b"]

    def test_first_end_wins_and_wakes_the_stream(self, feed: Process) -> None:
        stream = feed.watch(ALL)
        stream.take_all()
        first = Unauthenticated("first")
        stream.watch.end(first)
        stream.watch.end(EpochChanged("second"))
        assert stream.waked.is_set()
        stream.take_all()
        assert stream.ended is first

    def test_end_within_initial_state_gives_no_cursor(self, feed: Process) -> None:
        watch = open_watch(feed.hub, view(), ALL, include_initial=True, bookmarks=True)
        watch.end(Unauthenticated("over"))
        stream = Stream(watch)
        stream.take_all()
        assert (stream.events, stream.watch.behind) == ([], False)
        stream.close()

    @pytest.mark.parametrize("taken", [2, 3])
    def test_end_after_a_part_of_the_initial_state_gives_no_cursor(self, feed: Process, taken: int) -> None:
        watch = self.with_state_of_three(feed)
        # The whole state has been read, but the client, which gets a batch at a time, would resume without the rest.
        assert [event.cursor for event in watch.take(taken)] == [""] * taken
        watch.end(Unauthenticated("over"))
        with pytest.raises(Unauthenticated):
            watch.take(2)
        watch.close()

    def test_end_after_the_initial_state_gives_a_cursor(self, feed: Process) -> None:
        watch = self.with_state_of_three(feed)
        assert watch.take(4)[-1].name == "snapshot_end"
        watch.end(Unauthenticated("over"))
        (last,) = watch.take(2)
        watch.close()
        write("d")
        assert (last.name, feed.watch(ALL, cursor=last.cursor).take_titles("d").titles) == ("bookmark", ["d"])

    def with_state_of_three(self, feed: Process) -> Watch:
        for title in "abc":
            write(title)
        caught_up(feed)
        return open_watch(feed.hub, view(), ALL, include_initial=True, bookmarks=True)

    def test_change_of_rights_ends_the_stream(self, feed: Process) -> None:
        stream = feed.watch(actor("all", "administrators"))
        stream.watch.authorize(actor("administrators", "all"))
        write("still")
        stream.take_titles("still")
        stream.watch.authorize(ALL)
        stream.take_all()
        assert isinstance(stream.ended, EpochChanged)

    def test_new_epoch_ends_the_stream(self, feed: Process) -> None:
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

    def test_internal_error_ends_streams_that_may_have_missed_a_change(
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

    def test_closed_stream_leaves_the_hub(self, feed: Process) -> None:
        left, closed = (open_watch(feed.hub, view(), ALL) for _ in range(2))
        for watch in (left, closed):
            watch.start(lambda: None)
            watch.take(1)
        closed.close()
        closed.close()
        known = [weakref.ref(left), weakref.ref(closed)]
        del left, closed, watch
        gc.collect()
        assert [reference() is None for reference in known] == [False, True]


def prune_to_head(seq: int) -> None:
    with connection.cursor() as db:
        db.execute("UPDATE changes_head SET oldest = %s", [seq + 1])
    Change.objects.filter(seq__lte=seq).delete()
