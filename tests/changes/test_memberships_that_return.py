"""Members who leave and join again while a process learns of it.

A process hides at delivery what its caller may no longer see. If it took a membership that has begun again for ended,
it would hide changes that no later event makes up for.
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from changes.feed import listing, log
from changes.feed.hub import Hub
from changes.feed.log import ChangeRecord
from changes.feed.watching import Watch, open_watch
from tests.support.notes import Note
from tests.support.streams import Actor, Process, Stream, caught_up, user, view, write
from tests.support.teams import TEAM, change, join, leave, marked

AGAIN = [("deleted", "left"), ("updated", "a"), ("updated", "later")]


@pytest.fixture
def ann() -> Actor:
    return user("mine")


@pytest.fixture
def note(feed: Process) -> Note:
    return write("a", team_id=TEAM)


@pytest.fixture
def cursor(feed: Process, ann: Actor, note: Note) -> str:
    """A member's cursor."""
    join(ann)
    return marked(feed.watch(ann), "cursor").cursor


class LateProcess:
    """A process that reads the log only when it is asked to."""

    def __init__(self, feed: Process) -> None:
        self._feed = feed
        self.hub = Hub()
        self.hub.begin(log.read_head())

    def read(self, count: int) -> None:
        """Read the next changes, as one batch."""
        caught_up(self._feed)
        head, until, changes = log.read(self.hub.head.seq, limit=count)
        assert len(changes) == count
        self.hub.publish(log.Head(head.epoch, until, head.oldest), changes)


class _During(Watch):
    """A stream that does something else when a change of its actor's memberships is offered to it."""

    __slots__ = ("act",)
    act: Callable[[], object]

    def offer(self, change: ChangeRecord) -> bool:
        self.act()
        return super().offer(change)


def test_stream_is_read_while_a_batch_is_offered(
    feed: Process, ann: Actor, note: Note, cursor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, bob = LateProcess(feed), user()
    stream = Stream(open_watch(late.hub, view(), ann, cursor=cursor))
    stream.take_all()
    monkeypatch.setattr("changes.feed.watching.Watch", _During)
    other = open_watch(late.hub, view(), bob)
    assert isinstance(other, _During)
    other.act = stream.take_all
    other.start(lambda: None)
    leave(ann)
    join(bob)
    join(ann)
    change(note, title="later")
    late.read(4)
    stream.take_all()
    assert stream.outline == AGAIN


def test_stream_is_registered_while_a_batch_is_published(
    feed: Process, ann: Actor, note: Note, cursor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = LateProcess(feed)
    monkeypatch.setattr("changes.feed.watching.Watch", _During)
    watch = open_watch(late.hub, view(), ann, cursor=cursor)
    leave(ann)
    late.read(1)
    join(ann)
    change(note, title="later")
    caught_up(feed)
    publishing = threading.Thread(target=_and_close(lambda: late.read(2)))

    def publish() -> None:
        if not publishing.ident:
            publishing.start()
            # Until the batch has been offered, or waits until the stream is registered.
            publishing.join(0.5)

    assert isinstance(watch, _During)
    watch.act = publish
    stream = Stream(watch)
    publishing.join()
    stream.take_all()
    assert stream.outline == AGAIN


def test_page_is_read_while_the_membership_returns(feed: Process, ann: Actor, note: Note, cursor: str) -> None:
    leave(ann)
    caught_up(feed)
    pages = [listing.changes(view(), ann, cursor, 100)]
    while pages[-1][0]:
        pages.append(listing.changes(view(), ann, pages[-1][1], 100))
    write("of others", "others")
    caught_up(feed)
    returned: list[bool] = []

    def join_again() -> None:
        join(ann)
        change(note, title="later")
        caught_up(feed)

    def execute(run: Callable[..., Any], sql: str, *args: Any) -> Any:
        result = run(sql, *args)
        if ".member" in sql and not returned:  # The caller's groups have been read.
            returned.append(True)
            thread = threading.Thread(target=_and_close(join_again))
            thread.start()
            thread.join()
        return result

    with connection.execute_wrapper(execute):
        pages.append(listing.changes(view(), ann, pages[-1][1], 100))
    while pages[-1][0]:
        pages.append(listing.changes(view(), ann, pages[-1][1], 100))
    assert returned
    messages: list[Any] = [(event.name, event.payload.message) for events, _ in pages for event in events]
    assert [(name, message.task.title or "left") for name, message in messages] == AGAIN


def _and_close(run: Callable[[], object]) -> Callable[[], None]:
    def both() -> None:
        run()
        connection.close()

    return both
