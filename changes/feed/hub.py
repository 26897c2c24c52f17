"""The live end of the log in one process: its last changes, and the streams that wait for the next."""

import threading
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol
from uuid import UUID

from changes.feed import memberships, subjects
from changes.feed.log import ChangeRecord, Head
from changes.feed.memberships import Groups
from changes.feed.view import Subscription
from core.errors import EpochChanged, Unavailable

#: How many changes, and bytes of their images as text, are kept in memory for streams that join or were briefly slow.
KEPT_CHANGES, KEPT_BYTES = 4_096, 8 * 1024 * 1024

ANOTHER_LOG = "The change log was replaced; start over from the initial state."

#: Key of the index of streams: the type of subject, and a group, a subject's id, or `_ALL`.
Key = tuple[str, str]
_ALL = ""


class Subscriber(Protocol):
    """A stream as the hub uses it: its keys in the index, and the methods that deliver changes to it.

    Attributes:
        opened_at: number of the last change that this process had read before the stream asked for its actor's groups.
        keys: under which it is found while it is live.
    """

    epoch: UUID
    opened_at: int
    keys: list[Key]
    next_bookmark: float

    @property
    def membership_keys(self) -> Sequence[Key]:
        """Keys under which it is found for changes of its actor's memberships, live or not."""

    @property
    def members(self) -> Groups:
        """Its actor's groups by memberships; they change only while it is not live."""

    @property
    def shared_types(self) -> Sequence[str]:
        """Types of the subjects that it shows to these groups."""

    def turns(self, change: ChangeRecord) -> bool:
        """Return whether the change changes `members`."""

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
        self._waiting: dict[Key, Collection[Subscriber]] = {}
        self._circles: dict[Groups, _Circle] = {}
        self._circles_of: dict[str, Collection[_Circle]] = {}
        self._members: dict[Key, Collection[Subscriber]] = {}
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
        """Register a stream, so that it receives bookmarks, changes of memberships, and the end of the feed."""
        with self._lock:
            self._subscribers.add(subscriber)
            for key in subscriber.membership_keys:
                _add(self._members, key, subscriber)
            first = self._kept[0].seq if self._kept else 0
            unread = islice(self._kept, max(0, subscriber.opened_at + 1 - first), None)
            # They are offered before the next batch. The stream is not live yet, so it does not ask the hub.
            for change in unread if subscriber.membership_keys else ():
                if change.subject_type in memberships.registered:
                    subscriber.offer(change)

    def remove(self, subscriber: Subscriber) -> None:
        """Remove a stream."""
        with self._lock:
            self._subscribers.discard(subscriber)
            for key in subscriber.membership_keys:
                _discard(self._members, key, subscriber)
            self._leave(subscriber)

    def leave(self, subscriber: Subscriber) -> None:
        """Stop offering changes to a live stream, which then reads them itself."""
        with self._lock:
            self._leave(subscriber)

    def join(self, subscriber: Subscriber, after: int, limit: int) -> tuple[Sequence[ChangeRecord], bool] | None:
        """Return the changes after a number from memory, and whether these are all. If so, the stream becomes live.

        Returns:
            At most `limit` changes, up to one that changes the stream's groups; None if they are no longer in memory.

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
            turn = next((number for number, change in enumerate(changes, 1) if subscriber.turns(change)), None)
            changes = changes[:turn]
            live = turn is None and after + len(changes) >= head.seq
            if live:
                subscriber.go_live(head.seq)
                self._join(subscriber)
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
        subject_type = change.subject_type
        if membership := memberships.registered.get(subject_type):
            keys = {(subject_type, user) for user in membership.users_of(change)}
            return set[Subscriber]().union(*(self._members.get(key, ()) for key in keys))
        if not self._waiting:  # Without waiting streams, the audience need not be determined.
            return set()
        found: set[Subscriber] = set()
        for name in _names_of(change):
            found.update(self._waiting.get((subject_type, name), ()))
            for circle in self._circles_of.get(name, ()):
                found.update(circle.waiting.get(subject_type, ()))
        return found

    def _join(self, subscriber: Subscriber) -> None:
        for key in subscriber.keys:
            _add(self._waiting, key, subscriber)
        if not subscriber.members or not subscriber.shared_types:
            return
        circle = self._circles.get(subscriber.members)
        if circle is None:
            circle = self._circles[subscriber.members] = _Circle()
            for group in subscriber.members:
                _add(self._circles_of, group, circle)
        for subject_type in subscriber.shared_types:
            _add(circle.waiting, subject_type, subscriber)

    def _leave(self, subscriber: Subscriber) -> None:
        for key in subscriber.keys:
            _discard(self._waiting, key, subscriber)
        circle = self._circles.get(subscriber.members)
        if circle is None:
            return
        for subject_type in subscriber.shared_types:
            _discard(circle.waiting, subject_type, subscriber)
        if not circle.waiting:
            del self._circles[subscriber.members]
            for group in subscriber.members:
                _discard(self._circles_of, group, circle)


class _Circle:
    """The live streams whose actors belong to the same groups by memberships, by type of subject.

    Most streams of one user are in one circle. So a user's 1,000 groups are in the index once, and not for each stream
    and each type.
    """

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: dict[str, Collection[Subscriber]] = {}


def _add(index: dict[Any, Collection[Any]], key: Any, value: object) -> None:
    """Add a value to the index.

    Most keys have one value: a tuple of it takes a fifth of a set (48 bytes, not 216), four times for each stream.
    """
    values = index.get(key)
    if values is None:
        index[key] = (value,)
    elif isinstance(values, set):
        values.add(value)
    elif value not in values:
        index[key] = {*values, value}


def _discard(index: dict[Any, Collection[Any]], key: Any, value: object) -> None:
    """Remove a value from the index, and a key that has no other."""
    values = index.get(key, ())
    if isinstance(values, set):
        values.discard(value)
        if not values:
            del index[key]
    elif value in values:
        del index[key]


def keys(view: Subscription, groups: Mapping[str, frozenset[str]]) -> list[Key]:
    """Return the keys of a stream in the index."""
    result = []
    for subject_type in view.subject_types:
        wildcard = set() if subject_type in view.granted else {_ALL}
        names = view.ids_of(subject_type) or wildcard | groups[subject_type]
        result += [(subject_type, name) for name in names]
    return result


def _names_of(change: ChangeRecord) -> Iterator[str]:
    """Return the second parts of the keys of the streams that may see the change, and the groups of circles."""
    subject_type = change.subject_type
    if subject_type not in subjects.types():
        return
    yield change.subject_id
    if change.forgotten:
        yield _ALL
        return
    for before in (True, False):
        yield from subjects.of(subject_type).seen_by(change, before=before)
