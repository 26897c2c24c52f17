"""The promises of the feed, of streams about one meeting: started at any time, cut, and slow, while many write."""

import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from changes.feed import watching
from changes.feed.watching import open_watch
from changes.models import Change
from changes.services import forget
from core.feeds import FeedOver
from meetings.models import Meeting, Segment, Speaker, Status
from meetings.watching import PARTS, subscription_for
from tests.support import promises
from tests.support.factories import MeetingFactory
from tests.support.meeting_changes import MEETING, received, truth
from tests.support.meeting_rows import a_segment, a_speaker
from tests.support.promises import Run
from tests.support.streams import PATIENCE_SECONDS, Process, Stream, caught_up, process
from users.models import User

NAME = "tests.WatchMeeting"


@pytest.fixture
def feed(transactional_db: None) -> Iterator[Process]:
    with process() as running:
        yield running


@pytest.fixture
def meeting(transactional_db: None, ann: User, bob: User) -> Meeting:
    meeting: Meeting = MeetingFactory(owner=ann, participants=[bob.pk], status=Status.PROCESSING)
    for place in (1, 2):
        a_speaker(meeting, place)
    return meeting


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory and queues so small that streams fall behind, and pages so small that there are many."""
    monkeypatch.setattr("changes.feed.hub.KEPT_CHANGES", 30)
    monkeypatch.setattr("changes.feed.snapshot.PAGE_SIZE", 5)
    monkeypatch.setattr(watching, "MAX_WAITING", 8)


class Writer(threading.Thread):
    """Writes of a meeting, in transactions that overlap those of others."""

    def __init__(self, meeting: Meeting, seed: int, transactions: int) -> None:
        super().__init__()
        self._meeting = meeting
        self._random = random.Random(seed)
        #: Of new segments: in any order, each once, none of those that are there or that another writer takes.
        self._numbers = (place * 10 + seed % 10 for place in self._random.sample(range(2, 10**6), transactions * 4))
        self._transactions = transactions
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            for number in range(self._transactions):
                with transaction.atomic():
                    self._write(number)
        except BaseException as exc:
            self.failed = exc
        finally:
            connection.close()

    def _write(self, number: int) -> None:
        chance = self._random.random()
        # In one order, so that writers wait for each other without deadlocks.
        mine = Segment.objects.filter(meeting=self._meeting).order_by("id").select_for_update()
        if chance < 0.5:
            for more in range(self._random.randint(1, 4)):
                a_segment(self._meeting, next(self._numbers), text=f"{number} {more}")
        elif chance < 0.8:
            chosen = [segment.pk for segment in mine if self._random.random() < 0.2]
            Segment.objects.filter(pk__in=chosen).update(text=f"{chance}")
        elif chance < 0.85:
            chosen = [segment.pk for segment in mine if self._random.random() < 0.1]
            Segment.objects.filter(pk__in=chosen).delete()
        else:
            Speaker.objects.filter(label="S1").update(name=f"{chance}")
        if self._random.random() < 0.5:
            Meeting.objects.filter(pk=self._meeting.pk).update(progress=self._random.randrange(100))
        if self._random.random() < 0.1:  # It holds its ids while others commit.
            connection.cursor().execute("SELECT pg_sleep(0.02)")
        transaction.set_rollback(chance < 0.05)


class Client(threading.Thread):
    """Follows the meeting to its end, and is cut again and again."""

    def __init__(self, feed: Process, meeting: Meeting, who: User, seed: int) -> None:
        super().__init__()
        self._feed = feed
        self._meeting = meeting
        self._who = who
        self._random = random.Random(seed)
        self.runs: list[Run] = []
        self.end: Any = None
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            cursor = ""
            while self.end is None:
                cursor = self._follow(cursor) or cursor
        except BaseException as exc:
            self.failed = exc
        finally:
            connection.close()

    def _follow(self, cursor: str) -> str:
        view = subscription_for(NAME, self._meeting)
        stream = Stream(
            open_watch(self._feed.hub, view, self._who, cursor=cursor, include_initial=not cursor, bookmarks=True)
        )
        enough = self._random.randint(1, 60)
        try:
            stream.take_until(lambda stream: len(stream.events) >= enough or isinstance(stream.ended, FeedOver))
        finally:
            stream.close()
        self.end = next((message.end for event, message in stream.events if event.name == "end"), None)
        assert (self.end is not None) == isinstance(stream.ended, FeedOver)
        shown = [received(message, event.cursor) for event, message in stream.events if event.name != "end"]
        run = Run(cursor, not cursor, shown)
        last = next((event.cursor for event, _ in reversed(stream.events) if event.cursor), "")
        # A client that is cut off in its initial state has no cursor: it starts over, and so does its record.
        self.runs = [*self.runs, run] if last or cursor else []
        return last


@pytest.mark.parametrize("seed", range(3))
def test_the_promises_hold_under_load(
    feed: Process, small: None, meeting: Meeting, ann: User, bob: User, administrator: User, seed: int
) -> None:
    other: Meeting = MeetingFactory(owner=bob)
    for number in range(12):
        a_segment(meeting, number)
    writers = [Writer(meeting, seed * 100 + number, 40) for number in range(3)] + [Writer(other, 99, 20)]
    clients = [Client(feed, meeting, who, seed * 10 + n) for n, who in enumerate((ann, bob, administrator, bob))]
    for thread in (*clients, *writers):
        thread.start()
    for writer in writers:
        writer.join()
        assert writer.failed is None, writer.failed
    Meeting.objects.filter(pk=meeting.pk).update(status=Status.COMPLETED, title="Over")
    for client in clients:
        client.join()
        assert client.failed is None, client.failed
    caught_up(feed)
    logged = Change.objects.filter(subject_type__in=["meeting", *PARTS]).order_by("seq")
    due = truth(logged, str(meeting.pk))
    for client in clients:
        assert (client.end.title, client.end.version) == ("Over", Meeting.objects.get(pk=meeting.pk).version)
        assert promises.broken(client.runs, due, final=due.final()) == []
    assert set(due.final()) - {MEETING} == {
        str(pk)
        for model in (Segment, Speaker)
        for pk in model.objects.filter(meeting=meeting).values_list("pk", flat=True)
    }


def test_change_wakes_only_the_streams_of_its_meeting(feed: Process, meeting: Meeting, ann: User) -> None:
    others = [MeetingFactory(owner=ann) for _ in range(3)]
    caught_up(feed)
    streams = [Stream(open_watch(feed.hub, subscription_for(NAME, each), ann)) for each in (*others, meeting)]
    for stream in streams:
        stream.take_all()
    a_segment(meeting, 1)
    Meeting.objects.filter(pk=meeting.pk).update(progress=3)
    assert names(streams[-1].take_until(lambda stream: len(stream.events) == 2)) == ["transcript", "progress"]
    assert not any(stream.waked.is_set() for stream in streams[:-1])


def test_a_meeting_that_leaves_the_view_while_the_stream_is_opened(feed: Process, meeting: Meeting, bob: User) -> None:
    """It leaves between the check and the position of the stream, so that no later change shows it."""
    view = subscription_for(NAME, meeting)
    Meeting.objects.filter(pk=meeting.pk).update(participants=[])
    caught_up(feed)
    stream = Stream(open_watch(feed.hub, view, bob, include_initial=True))
    a_segment(meeting, 1)
    stream.take_all()
    assert (stream.events, type(stream.ended)) == ([], Meeting.DoesNotExist)


def test_forgotten_parts_of_another_meeting_are_not_sent(feed: Process, meeting: Meeting, ann: User) -> None:
    caught_up(feed)
    stream = Stream(open_watch(feed.hub, subscription_for(NAME, meeting), ann))
    a_segment(meeting, 1)
    stream.take_until(lambda stream: bool(stream.events))
    segment = a_segment(MeetingFactory(owner=ann), 1)
    with transaction.atomic():
        pk = segment.pk
        segment.delete()
        forget("meeting.segment", pk)
    a_segment(meeting, 2)
    assert names(stream.take_until(lambda stream: len(stream.events) > 1)) == ["transcript", "transcript"]
    # Nor to a client that resumes from an earlier cursor, and so reads the change from memory or the log.
    late = Stream(open_watch(feed.hub, subscription_for(NAME, meeting), ann, cursor=stream.events[0][0].cursor))
    assert names(late.take_until(lambda stream: bool(stream.events))) == ["transcript"]


def test_change_that_is_not_sent_does_not_delay_the_end(feed: Process, meeting: Meeting, ann: User) -> None:
    """The initial state holds it, and so it is passed over; but until it was, the stream could not end."""
    caught_up(feed)
    feed.numberer.stop()
    a_segment(meeting, 1)
    Meeting.objects.filter(pk=meeting.pk).update(status=Status.COMPLETED)
    stream = Stream(open_watch(feed.hub, subscription_for(NAME, meeting), ann, include_initial=True))
    stream.take_all()
    assert (names(stream), stream.ended) == (["status", "speakers", "speakers", "transcript"], None)
    feed.numberer.start()
    assert stream.waked.wait(PATIENCE_SECONDS)
    stream.take_until(lambda stream: stream.ended is not None)
    assert (names(stream)[4:], type(stream.ended)) == (["end"], FeedOver)


def names(stream: Stream) -> list[str]:
    return [event.name for event, _ in stream.events]
