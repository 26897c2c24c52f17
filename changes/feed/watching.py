"""One client's stream (a `core.feeds.Feed`): joined to the past, live, or catching up, without gaps or duplicates."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from django.conf import settings

from changes.feed import cursors, log, memberships
from changes.feed.crossing import Crossing
from changes.feed.cursors import Position
from changes.feed.hub import ANOTHER_LOG, Hub, Key, keys
from changes.feed.items import Item
from changes.feed.log import ChangeRecord
from changes.feed.memberships import Groups
from changes.feed.snapshot import Snapshot, final_change
from changes.feed.view import EventKind, Subscription, SubscriptionScope, viewer
from core.actors import Actor
from core.db.thread_connections import fresh_connections
from core.errors import EpochChanged, TooFarBehind, invalid
from core.feeds import Event, FeedOver

#: How many items are queued for a live stream. A stream with a full queue is no longer live; it continues from the
#: hub's memory or from the log.
MAX_WAITING = 256
#: Interval of bookmarks. The contract promises one every 15 seconds.
BOOKMARK_SECONDS = 12.0
#: Held while a stream's standing is replaced, because the tailer's thread and the transport's do it.
_STANDINGS = threading.Lock()


class Watch:
    """A stream; see `open_watch`.

    It is live while `_after` is None: the tailer's thread offers it changes. Otherwise it has processed everything up
    to `_after`, and `take` reads the next changes from the hub's memory or, if that does not reach back far enough,
    from the database. Only `offer` (the tailer's thread) makes a live stream catch up, if its queue is full or its
    actor's memberships change, and only `take` (the transport's thread) makes it live.
    """

    __slots__ = (
        "__weakref__",
        "_after",
        "_allowed_lag",
        "_bookmarks",
        "_crossing",
        "_delivered",
        "_failure",
        "_hub",
        "_inside",
        "_live_after",
        "_must_read",
        "_over",
        "_ready",
        "_snapshot",
        "_stamp",
        "_standing",
        "_viewer",
        "_waiting",
        "_wake",
        "epoch",
        "keys",
        "next_bookmark",
        "opened_at",
    )

    def __init__(
        self,
        hub: Hub,
        view: Subscription,
        actor: Actor,
        *,
        after: int,
        stamp: cursors.Stamp,
        initial: bool,
        bookmarks: bool,
        inside: bytes = b"",
        over: ChangeRecord | None = None,
    ) -> None:
        self._hub = hub
        self.opened_at = hub.head.seq
        #: The actor's groups now, as far as this process has read the log, which may be beyond the stream's position.
        self._standing = memberships.standing_of(view, actor, after)
        # A stream about one subject begins with it, even if the membership that shows it has no number yet.
        members = self._standing.now if initial and view.topic is not None else self._standing.then
        self._viewer: SubscriptionScope = replace(viewer(view, actor), members=members)
        self._stamp = stamp
        self.epoch = hub.head.epoch
        self._bookmarks = bookmarks
        self._snapshot = Snapshot(view, actor) if initial else None
        #: True if the next `take` reads from the database.
        self._must_read = initial
        #: The change of a membership whose effect on the view is being read.
        self._crossing: Crossing | None = None
        #: How far the client has received the effect of the change after `_delivered`.
        self._inside = inside
        self._after: int | None = after
        #: Number after which offered changes are new: first that of the join, then of the last offer. A batch that was
        #: being published during the join may still be offered.
        self._live_after = after
        #: Number up to which all changes were delivered, or are not for this stream.
        self._delivered = after
        self._allowed_lag = self._lag_from(after)
        #: A list, of which an empty one takes a tenth of an empty deque: while the stream is live, this one is empty.
        self._ready: list[Item] = []
        self._waiting: deque[Item] = deque()
        self._failure: Exception | None = None
        #: The last known change of the topic, if it ends the stream.
        self._over = over
        self._wake: Callable[[], None] = _do_nothing
        self.keys = keys(view, self._viewer.groups)
        #: Time of the next bookmark, on the clock of `time.monotonic`.
        self.next_bookmark = time.monotonic() + BOOKMARK_SECONDS if bookmarks else float("inf")

    # Called by the transport

    @property
    def behind(self) -> bool:
        must_ask = self._must_read or (self._over is not None and not self._waiting)
        return must_ask and not self._ready and self._failure is None

    def start(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._hub.add(self)
        wake()

    def take(self, limit: int) -> Sequence[Event]:
        if self._failure is not None:
            return self._final_events(self._failure)
        topic, may_query = self._viewer.view.topic, self.behind
        # Waiting items are delivered first: they precede `_after`, and while it is set, the tailer adds none.
        if self._after is not None and not self._ready and not self._waiting:
            self._advance(self._after, limit)
        events: list[Event] = []
        while len(events) < limit and (self._ready or self._waiting):
            next_item = self._ready.pop(0) if self._ready else self._waiting.popleft()
            item = next_item.allowed(self._viewer, self._standing.now)
            if item is None:
                continue
            if topic is not None and item.kind in (EventKind.LEFT, EventKind.DELETED) and topic.is_of(item.change):
                if item.is_undone(topic, self._viewer, self._standing.now):
                    continue
                self.end(topic.not_found)
                return events or self._final_events(topic.not_found)
            events.append(self._event(item))
        if events:
            return events
        if self._after is None and self._over is not None and may_query:
            return self._end_of_topic(self._over)
        if self._after is not None or self._over is not None:
            # These changes were not for this stream, but more follow, or the database must be queried.
            self._wake()
        return events

    def end(self, failure: Exception) -> None:
        self._failure = self._failure or failure
        self._wake()

    def close(self) -> None:
        self._hub.remove(self)
        self._wake = _do_nothing

    def authorize(self, actor: Actor) -> None:
        """End the stream if its caller has other rights than before, apart from memberships.

        Subjects may then have entered or left the view without a change, so the client must start over.
        """
        view = self._viewer.view
        if any(view.groups(name, actor) != groups for name, groups in self._viewer.groups.items()):
            self.end(EpochChanged("Your access has changed; start over from the initial state."))

    # Called by the hub, in the tailer's thread except for `go_live` and `turns`

    @property
    def members(self) -> Groups:
        """The actor's groups by memberships, at the stream's position."""
        return self._viewer.members

    @property
    def shared_types(self) -> Sequence[str]:
        view = self._viewer.view
        # Subjects that the filter names are found by their ids.
        return memberships.shared_types(view) if self._standing.types and not view.subject_ids else ()

    @property
    def membership_keys(self) -> Sequence[Key]:
        return [(name, self._standing.user) for name in self._standing.types]

    def turns(self, change: ChangeRecord) -> bool:
        """Return whether the change changes the actor's groups."""
        return memberships.turn(change, self._standing) is not None

    def go_live(self, seq: int) -> None:
        """Make the stream live: the hub offers it every change after this number. It runs in the transport's thread."""
        # What the stream has read from the database may be ahead of the hub, and so may a cursor of another process.
        self._live_after = max(seq, self._after or 0)
        self._after = None

    def offer(self, change: ChangeRecord) -> bool:
        """Queue the change if it is for this stream; return whether the stream must be woken."""
        turn = memberships.turn(change, self._standing)
        if turn is not None:
            self._follow(change, turn)
        if self._after is not None or change.seq <= self._live_after:
            return False
        item = None if turn is not None else self._item(change)
        if turn is not None or (item is not None and len(self._waiting) >= MAX_WAITING):
            # The stream leaves first, because it may join again as soon as `_after` is set.
            self._hub.leave(self)
            self._after = change.seq - 1
            return True
        if item is not None:
            self._waiting.append(item)
        # Set last: everything up to this number is queued by then, or was taken.
        self._live_after = change.seq
        # If the topic is over, its end may have waited for this change, even if the change is not delivered.
        return item is not None or self._over is not None

    def offer_bookmark(self, seq: int, now: float) -> bool:
        """Queue a bookmark; return False if the stream is not live or its queue is full.

        All changes up to this number have been offered.
        """
        if self._after is not None or len(self._waiting) >= MAX_WAITING:
            return False
        self.next_bookmark = now + BOOKMARK_SECONDS
        self._waiting.append(Item(EventKind.BOOKMARK, max(seq, self._delivered)))
        return True

    def wake(self) -> None:
        """Wake the transport, so that it calls `take`."""
        self._wake()

    # Reading of further changes

    def _advance(self, after: int, limit: int) -> None:
        if not self._must_read:
            self._read_memory(after, limit)
            return
        with fresh_connections():
            if self._snapshot is not None and not self._snapshot.complete:
                self._read_snapshot(self._snapshot)
            elif self._crossing is not None:
                self._read_crossing(self._crossing, after)
            else:
                self._read_log(after)

    def _read_memory(self, after: int, limit: int) -> None:
        joined = self._hub.join(self, after, limit)
        if joined is None:
            self._must_read = True
            self._check_lag(after)
            return
        changes, live = joined
        # If it is live, the tailer may already have offered more, or ended the stream. Ready items are delivered first.
        if not live:
            self._after = after + len(changes)
        self._show(changes)

    def _read_log(self, after: int) -> None:
        head, until, changes = log.read(after, (*self._viewer.view.subject_types, *self._standing.types))
        if head.epoch != self.epoch:
            raise EpochChanged(ANOTHER_LOG)
        cursors.check_kept(after, head)
        if self._show(changes):
            return
        self._after = until
        self._must_read = until < head.seq
        now = time.monotonic()
        if now >= self.next_bookmark:
            self.next_bookmark = now + BOOKMARK_SECONDS
            self._ready.append(Item(EventKind.BOOKMARK, until))
        self._check_lag(until)

    def _read_snapshot(self, snapshot: Snapshot) -> None:
        topic = None if snapshot.begun else self._viewer.view.topic
        for row in snapshot.page():
            if (item := self._item(row)) is not None:
                self._ready.append(item)
        if topic is not None and not self._ready:
            raise topic.not_found  # It was deleted after the caller's permission was checked.
        if snapshot.complete and self._after is not None:
            self._must_read = False
            self._allowed_lag = self._lag_from(self._after)
            if self._bookmarks:
                self._ready.append(Item(EventKind.SNAPSHOT_END, self._after))

    def _show(self, changes: Sequence[ChangeRecord]) -> bool:
        """Show changes up to one that changes the actor's groups. Return whether there is one."""
        for change in changes:
            if change.seq > self._delivered and (turn := memberships.turn(change, self._standing)):
                inside = self._inside if change.seq == self._delivered + 1 else b""
                self._crossing = Crossing(self._viewer, change, turn, inside=inside, state=self._snapshot)
                self._follow(change, turn)
                self._after, self._must_read = change.seq, True
                return True
            if (item := self._item(change)) is not None:
                self._ready.append(item)
        return False

    def _follow(self, change: ChangeRecord, turn: memberships.Turn) -> None:
        """Learn of a change of the actor's groups, from the tailer or by reading the log."""
        with _STANDINGS:
            self._standing = self._standing.following(change, turn)

    def _read_crossing(self, crossing: Crossing, after: int) -> None:
        crossing.leave_out_entering(self._standing.now)
        for kind, extent, change, inside in crossing.page():
            self._ready.append(Item(kind, after - 1, change, extent, inside))
        now = time.monotonic()
        if not crossing.complete:
            if now >= self.next_bookmark:
                self.next_bookmark = now + BOOKMARK_SECONDS
                self._ready.append(Item(EventKind.BOOKMARK, after - 1, inside=crossing.inside))
            return
        self._viewer = replace(self._viewer, members=crossing.members)
        self._crossing, self._must_read = None, False
        self._allowed_lag = self._lag_from(after)
        if self._bookmarks and crossing.has_shown:
            self._ready.append(Item(EventKind.BOOKMARK, after))

    def _item(self, change: ChangeRecord) -> Item | None:
        # A cursor that another process issued may be ahead of this process.
        if 0 < change.seq <= self._delivered:
            return None
        shown = self._viewer.shown(change)
        # Checked last, because only then the type of the change is known to be in the snapshot.
        if shown is not None and change.seq and self._snapshot is not None and self._snapshot.holds(change):
            return None
        return shown and Item(shown[0], change.seq or None, change, shown[1])

    def _event(self, item: Item) -> Event:
        cursor = ""
        if item.seq is not None:
            self._delivered, self._inside = item.seq, item.inside
            cursor = item.cursor(self._stamp, self.epoch)
        view, change = self._viewer.view, item.change
        if view.topic is not None and change is not None and view.topic.is_of(change):
            self._over = change if view.topic.is_over(change.new or {}) else None
        return Event(view.event_name(item.kind, change), self._viewer.payload(item.kind, change, item.extent), cursor)

    def _end_of_topic(self, over: ChangeRecord) -> Sequence[Event]:
        """Return the last event if all committed changes were delivered. Otherwise the next offer wakes it."""
        view, passed = self._viewer.view, self._live_after
        with fresh_connections():
            if view.topic is None or log.has_pending(passed, view.subject_types, view.topic.reference):
                return ()
        if self._waiting or self._after is not None:  # Changes were offered during the query.
            self._wake()
            return ()
        end = self._event(Item(EventKind.END, max(passed, self._delivered), over))
        self._failure, self._bookmarks = FeedOver(), False
        return [end]

    def _final_events(self, failure: Exception) -> Sequence[Event]:
        # Without the end of the initial state, a client with a cursor would resume without the rest of the state.
        lacks_state = self._snapshot is not None and (
            not self._snapshot.complete or any(item.kind is EventKind.SNAPSHOT_END for item in self._ready)
        )
        self._ready.clear()
        self._waiting.clear()
        if lacks_state or not self._bookmarks:
            raise failure
        self._bookmarks = False
        return [self._event(Item(EventKind.BOOKMARK, self._delivered, inside=self._inside))]

    def _lag_from(self, after: int) -> int:
        """Return how many changes the stream may lag behind: the limit, plus its lag when it starts after `after`."""
        limit: int = settings.WATCH_MAX_BEHIND
        return limit + max(0, self._hub.head.seq - after)

    def _check_lag(self, after: int) -> None:
        if self._hub.head.seq - after > self._allowed_lag:
            cursor = cursors.write(self._stamp, self.epoch, self._delivered, self._inside)
            self.end(TooFarBehind("The stream fell too far behind; resume from your last cursor.", cursor=cursor))


def open_watch(
    hub: Hub,
    view: Subscription,
    actor: Actor,
    *,
    cursor: str = "",
    include_initial: bool = False,
    bookmarks: bool = False,
) -> Watch:
    """Return a stream of the changes that this actor may see in this view.

    Args:
        cursor: position after which the stream resumes; empty = only new changes.
        include_initial: begin with the initial state.
        bookmarks: also send the end of the initial state and, at least every 15 seconds, the position of the stream.

    Raises:
        ValidationError: a cursor together with `include_initial`.
        CursorInvalid, CursorExpired, EpochChanged: see `cursors.read`.
        Unavailable: this process has not begun to read the log.
    """
    if cursor and include_initial:
        raise invalid("cursor", "conflict", "Send either a cursor or include_initial.")
    stamp, head = cursors.stamp_of(view, actor), hub.head
    # The head is read from the database, because the process that issued the cursor may be ahead of this one.
    after, inside = cursors.read(cursor, stamp, log.read_head()) if cursor else Position(head.seq)
    over = final_change(view.topic) if cursor and view.topic else None
    return Watch(
        hub, view, actor, after=after, inside=inside, stamp=stamp, over=over,
        initial=include_initial, bookmarks=bookmarks,
    )  # fmt: skip


def _do_nothing() -> None:
    """Do nothing: no transport reads the stream."""
