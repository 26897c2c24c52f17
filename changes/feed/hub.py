"""The live end of the log in one process: its last changes, and the streams that wait for the next."""

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

#: How many changes, and bytes of their images as text, are kept in memory for streams that join or were briefly slow.
KEPT_CHANGES, KEPT_BYTES = 4_096, 8 * 1024 * 1024

ANOTHER_LOG = "The change log was replaced; start over from the initial state."

#: Key of the index of streams: the type of subject, and a group, a subject's id, or `_ALL`.
Key = tuple[str, str]
_ALL = ""


class Subscriber(Protocol):
    """A stream as the hub uses it: its keys in the index, and the methods that deliver changes to it."""

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
    """Distributor of changes. The tailer's thread publishes batch by batch; streams join and leave in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: Head up to which this process has read; None before its first read.
        self.known_head: Head | None = None
        self._kept: deque[ChangeRecord] = deque()
        self._kept_bytes = 0
        self._waiting: dict[Key, set[Subscriber]] = {}
        self._subscribers: set[Subscriber] = set()

    @property
    def head(self) -> Head:
        """Head up to which this process has read.

        Raises:
            Unavailable: it has not begun to read.
        """
        if self.known_head is None:
            raise Unavailable("The change feed is starting; try again.")
        return self.known_head

    def add(self, subscriber: Subscriber) -> None:
        """Register a stream, so that it receives bookmarks and the end of the feed."""
        with self._lock:
            self._subscribers.add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """Remove a stream."""
        with self._lock:
            self._subscribers.discard(subscriber)
            self._leave(subscriber)

    def leave(self, subscriber: Subscriber) -> None:
        """Stop offering changes to a live stream, which then reads them itself."""
        with self._lock:
            self._leave(subscriber)

    def join(self, subscriber: Subscriber, after: int, limit: int) -> tuple[Sequence[ChangeRecord], bool] | None:
        """Return the changes after a number from memory, and whether these are all. If so, the stream becomes live.

        Returns:
            At most `limit` changes; None if they are no longer in memory.

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
        """Start from this head: the first one, or that of another log, which ends all streams."""
        self._end_all(EpochChanged(ANOTHER_LOG))
        with self._lock:
            self.known_head = head
            self._kept.clear()
            self._kept_bytes = 0

    def publish(self, head: Head, changes: Sequence[ChangeRecord]) -> None:
        """Offer changes to the streams that may see them.

        Args:
            head: its `seq` is that of the last change.
        """
        try:
            self._distribute(head, changes)
        except Exception as exc:
            # Live streams may have missed some of these changes, so their clients must resume from their cursors.
            self._end_all(exc)
            raise

    def _distribute(self, head: Head, changes: Sequence[ChangeRecord]) -> None:
        with self._lock:
            self.known_head = head
            self._keep(changes)
            # A stream that joins after this reads these changes from memory.
            receivers = [(change, self._receivers(change)) for change in changes]
        woken: set[Subscriber] = set()
        for change, subscribers in receivers:
            woken.update(subscriber for subscriber in subscribers if subscriber.offer(change))
        for subscriber in woken:
            subscriber.wake()

    def bookmark(self, now: float) -> None:
        """Send bookmarks to the streams that are due one.

        It runs in the thread that publishes, so all published changes have been offered to them.
        """
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
        if not self._waiting:  # Without waiting streams, the audience need not be determined.
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
    """Return the keys of a stream in the index."""
    result = []
    for subject_type in view.subject_types:
        wildcard = set() if subject_type in view.granted else {_ALL}
        names = view.ids_of(subject_type) or wildcard | groups[subject_type]
        result += [(subject_type, name) for name in names]
    return result


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
