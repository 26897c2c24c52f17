"""Streams whose client reads slowly."""

import threading
from collections import deque
from typing import Any

import pytest

from changes.feed import numbering, watching
from changes.feed.hub import Hub
from changes.feed.items import Item
from changes.feed.watching import MAX_WAITING, open_watch
from core.errors import CursorExpired, EpochChanged, TooFarBehind
from tests.support.notes import Note
from tests.support.servers import until
from tests.support.streams import ALL, PATIENCE_SECONDS, Process, Stream, caught_up, prune_to, view, write


class TestSlowConsumers:
    def test_slow_client_loses_nothing_and_delays_no_other(
        self, feed: Process, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("changes.feed.hub.KEPT_CHANGES", 100)
        slow, quick = feed.watch(ALL), feed.watch(ALL)
        slow.take_all()
        count = MAX_WAITING + 900
        for number in range(count):
            write(str(number))
        assert quick.take_titles(str(count - 1)).titles == [str(number) for number in range(count)]
        slow.take(count)
        assert len(slow.events) == MAX_WAITING, "no more is kept for it"
        slow.take_titles(str(count - 1)).take_all()
        write("live again")
        until(slow.waked.is_set, "the hub wakes the stream, which is live again")
        assert slow.take_titles("live again").titles == [*map(str, range(count)), "live again"]

    def test_stream_beyond_the_maximum_lag_ends_with_a_cursor(
        self, feed: Process, monkeypatch: pytest.MonkeyPatch, settings: Any
    ) -> None:
        settings.WATCH_MAX_BEHIND = 300
        monkeypatch.setattr("changes.feed.hub.KEPT_CHANGES", 100)
        slow = feed.watch(ALL, bookmarks=True)
        slow.take_all()
        count = MAX_WAITING + 500
        Note.objects.bulk_create(Note(title=str(number), labels=["all"]) for number in range(count))
        caught_up(feed)
        slow.take_until(lambda stream: stream.ended is not None)
        assert isinstance(slow.ended, TooFarBehind)
        assert slow.outline[-1] == ("bookmark", "")
        again = feed.watch(ALL, cursor=slow.ended.metadata["cursor"]).take_titles(str(count - 1))
        assert slow.titles + again.titles == [str(number) for number in range(count)]

    def test_slow_stream_ends_when_its_next_change_is_pruned(
        self, feed: Process, monkeypatch: pytest.MonkeyPatch
    ) -> None:
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
    """A slow stream that its transport brings up to date while the tailer delivers a batch."""

    @pytest.fixture
    def slow(self, feed: Process, monkeypatch: pytest.MonkeyPatch) -> Stream:
        monkeypatch.setattr(watching, "MAX_WAITING", 5)
        stream = feed.watch(ALL)
        stream.take_all()
        return stream

    def test_overflow_while_the_transport_checks_the_queue_keeps_order(self, feed: Process, slow: Stream) -> None:
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

        slow.watch._waiting = Waiting()  # noqa: SLF001  # Only its queue can bring the race about.
        slow.take_titles("19")
        assert slow.titles == [str(number) for number in range(20)]

    def test_batch_that_is_being_delivered_is_not_repeated(
        self, feed: Process, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watching, "MAX_WAITING", 5)
        joined, handed_out = threading.Event(), threading.Event()

        def as_the_transport(image: Any) -> bool:
            if threading.current_thread() is transport and image["title"] == "15":
                joined.set()  # It is live, and shows what it found in memory.
                assert handed_out.wait(PATIENCE_SECONDS)
            return True

        def as_the_tailer(image: Any) -> bool:
            if image["title"] == "8":  # The batch is half handed out.
                transport.start()
                assert joined.wait(PATIENCE_SECONDS)
            if image["title"] == "19":
                handed_out.set()
            return False

        slow = feed.watch(ALL, view(matches=as_the_transport))
        slow.take_all()
        transport = threading.Thread(target=slow.take_all)
        feed.watch(ALL, view(matches=as_the_tailer)).take_all()
        Note.objects.bulk_create(Note(title=str(number), labels=["all"]) for number in range(20))
        assert handed_out.wait(PATIENCE_SECONDS)
        transport.join()
        write("last")
        assert slow.take_titles("last").titles == [*map(str, range(20)), "last"]

    def test_stream_that_rejoins_while_leaving_gets_every_change(
        self, feed: Process, slow: Stream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leave = Hub.leave

        def late(hub: Hub, watch: watching.Watch) -> None:
            slow.take_all()
            leave(hub, watch)

        monkeypatch.setattr(Hub, "leave", late)
        Note.objects.bulk_create(Note(title=str(number), labels=["all"]) for number in range(20))
        slow.take_titles("19")
        write("last")
        assert slow.take_titles("last").titles == [*map(str, range(20)), "last"]

    def test_stream_of_another_epoch_ends_instead_of_joining(self, feed: Process) -> None:
        watch = open_watch(feed.hub, view(), ALL)
        epoch = feed.hub.head.epoch
        numbering.new_epoch()
        until(lambda: feed.hub.head.epoch != epoch)
        stream = Stream(watch)
        stream.take_all()
        assert isinstance(stream.ended, EpochChanged)
        stream.close()
