"""One process's live end of the log: the last changes, and who waits for the next."""

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol
from uuid import UUID

from changes.feed import subjects
from changes.feed.log import ChangeRecord, Head
from changes.feed.view import Subscription
from core.errors import EpochChanged, Unavailable

#: What is kept in memory for streams that join or that were slow for a moment; images count as text.
KEPT_CHANGES, KEPT_BYTES = 4_096, 8 * 1024 * 1024

ANOTHER_LOG = "The log is another one: start over from the initial state."

#: What a change is looked up by, and a stream is found under: the type, and a group, a subject or all.
Key = tuple[str, str]
_ALL = ""


class Subscriber(Protocol):
    """A stream as the hub knows it: where it is found, and what it is offered."""

    epoch: UUID
    keys: list[Key]
    next_bookmark: float

    def go_live(self, seq: int) -> None: ...

    def offer(self, change: ChangeRecord) -> bool:
        """Queue the change; return whether the stream must be woken."""

    def offer_bookmark(self, seq: int, now: float) -> bool:
        """Queue a bookmark; return whether the stream must be woken."""

    def wake(self) -> None: ...

    def end(self, failure: Exception) -> None: ...


class Hub:
    """Changes come from the tailer's thread, one batch after the other; streams join and leave from any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: How far this process has read; None before it has begun to.
        self.known_head: Head | None = None
        self._kept: deque[ChangeRecord] = deque()
        self._kept_bytes = 0
        self._waiting: dict[Key, set[Subscriber]] = {}
        self._subscribers: set[Subscriber] = set()

    @property
    def head(self) -> Head:
        """How far this process has read.

        Raises:
            Unavailable: it has not begun to.
        """
        if self.known_head is None:
            raise Unavailable("The change feed is starting; try again.")
        return self.known_head

    def add(self, subscriber: Subscriber) -> None:
        """Counts a stream among those that hear of the end of the feed, and of bookmarks."""
        with self._lock:
            self._subscribers.add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """Forgets a stream."""
        with self._lock:
            self._subscribers.discard(subscriber)
            self._leave(subscriber)

    def leave(self, subscriber: Subscriber) -> None:
        """A stream that was live goes on by itself."""
        with self._lock:
            self._leave(subscriber)

    def join(self, subscriber: Subscriber, after: int, limit: int) -> tuple[Sequence[ChangeRecord], bool] | None:
        """What follows a number, from memory, and whether that is all: then the stream is live from there on.

        Returns:
            At most `limit` changes; None if they are not in memory any more.

        Raises:
            EpochChanged: the stream is of another log.
        """
        with self._lock:
            head = self.head
            if subscriber.epoch != head.epoch:
                raise EpochChanged(ANOTHER_LOG)
            first = self._kept[0].seq if self._kept else head.seq + 1
            if after + 1 < first:
                return None
            changes = list(islice(self._kept, after + 1 - first, after + 1 - first + limit))
            live = after + len(changes) >= head.seq
            if live:
                subscriber.go_live(head.seq)
                for key in subscriber.keys:
                    self._waiting.setdefault(key, set()).add(subscriber)
            return changes, live

    def begin(self, head: Head) -> None:
        """Starts from this head: the first one, or that of another log."""
        self._end_all(EpochChanged(ANOTHER_LOG))
        with self._lock:
            self.known_head = head
            self._kept.clear()
            self._kept_bytes = 0

    def publish(self, head: Head, changes: Sequence[ChangeRecord]) -> None:
        """Hands changes to the streams that may see them.

        Args:
            head: its `seq` is that of the last change.
        """
        try:
            self._hand_out(head, changes)
        except Exception as exc:
            # Who is live has it behind them, and might not have been told: they go on from their cursors.
            self._end_all(exc)
            raise

    def _hand_out(self, head: Head, changes: Sequence[ChangeRecord]) -> None:
        with self._lock:
            self.known_head = head
            self._keep(changes)
            # A stream that joins from now on has these behind it.
            receivers = [(change, self._receivers(change)) for change in changes]
        woken: set[Subscriber] = set()
        for change, subscribers in receivers:
            woken.update(subscriber for subscriber in subscribers if subscriber.offer(change))
        for subscriber in woken:
            subscriber.wake()

    def bookmark(self, now: float) -> None:
        """Gives those that are due a bookmark. All that was published has been offered to them; from its thread."""
        with self._lock:
            due = [subscriber for subscriber in self._subscribers if subscriber.next_bookmark <= now]
        for subscriber in due:
            if subscriber.offer_bookmark(self.head.seq, now):
                subscriber.wake()

    def _end_all(self, failure: Exception) -> None:
        with self._lock:
            subscribers = list(self._subscribers)
        for subscriber in subscribers:
            subscriber.end(failure)

    def _keep(self, changes: Sequence[ChangeRecord]) -> None:
        self._kept.extend(changes)
        self._kept_bytes += sum(change.size for change in changes)
        while len(self._kept) > KEPT_CHANGES or (self._kept_bytes > KEPT_BYTES and len(self._kept) > 1):
            self._kept_bytes -= self._kept.popleft().size

    def _receivers(self, change: ChangeRecord) -> set[Subscriber]:
        if not self._waiting:  # Then nobody need know who may see it.
            return set()
        return set().union(*(self._waiting.get(key, ()) for key in _keys_of(change)))

    def _leave(self, subscriber: Subscriber) -> None:
        for key in subscriber.keys:
            waiting = self._waiting.get(key)
            if waiting is not None:
                waiting.discard(subscriber)
                if not waiting:
                    del self._waiting[key]


def keys(view: Subscription, groups: Mapping[str, frozenset[str]]) -> list[Key]:
    """What a stream is found under."""
    found = []
    for subject_type in view.subject_types:
        all_of_them = set() if subject_type in view.granted else {_ALL}
        found += [(subject_type, one) for one in (view.ids_of(subject_type) or all_of_them | groups[subject_type])]
    return found


def _keys_of(change: ChangeRecord) -> Iterator[Key]:
    subject_type = change.subject_type
    if subject_type not in subjects.types():
        return
    yield subject_type, change.subject_id
    if change.forgotten:
        yield subject_type, _ALL
        return
    for before in (True, False):
        for group in subjects.of(subject_type).seen_by(change, before=before):
            yield subject_type, group
