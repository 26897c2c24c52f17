"""One client's stream (a `core.feeds.Feed`): joined to the past, live, or catching up, without a gap or a double."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from django.conf import settings

from changes.feed import cursors, log, subjects
from changes.feed.hub import ANOTHER_LOG, Hub, keys
from changes.feed.log import ChangeRecord
from changes.feed.snapshot import Snapshot, as_created
from changes.feed.subjects import Visibility
from changes.feed.view import Kind, Subscription, SubscriptionScope, Topic, viewer
from core.db.thread_connections import fresh_connections
from core.errors import EpochChanged, TooFarBehind, invalid
from core.feeds import Event, FeedOver

#: What waits for a live stream. One that does not take it goes on from memory, or from the log.
MAX_WAITING = 256
#: Promised is one every 15 seconds.
BOOKMARK_SECONDS = 12.0


class Item(NamedTuple):
    """What will be an event; without `seq`, one without a cursor."""

    kind: Kind
    seq: int | None
    change: ChangeRecord | None = None
    extent: Visibility = Visibility.WHOLE


class Watch:
    """A stream; see `open_watch`.

    It is live while `_after` is None: the tailer's thread offers it changes. Otherwise all up to `_after` is behind it,
    and `take` reads what follows: from the hub's memory, or, where that does not reach back far enough, from the
    database. Only `offer` (the tailer) ends being live, and only `take` (the door) begins it.
    """

    __slots__ = (
        "__weakref__",
        "_after",
        "_allowed_lag",
        "_bookmarks",
        "_failure",
        "_given",
        "_hub",
        "_live_after",
        "_must_read",
        "_over",
        "_ready",
        "_snapshot",
        "_stamp",
        "_viewer",
        "_waiting",
        "_wake",
        "epoch",
        "keys",
        "next_bookmark",
    )

    def __init__(
        self,
        hub: Hub,
        view: Subscription,
        actor: Any,
        *,
        after: int,
        stamp: cursors.Stamp,
        initial: bool,
        bookmarks: bool,
        over: ChangeRecord | None = None,
    ) -> None:
        self._hub = hub
        self._viewer: SubscriptionScope = viewer(view, actor)
        self._stamp = stamp
        self.epoch = hub.head.epoch
        self._bookmarks = bookmarks
        self._snapshot = Snapshot(view, actor) if initial else None
        #: Whether the next `take` reads from the database.
        self._must_read = initial
        self._after: int | None = after
        #: What it joined behind, and then what it was offered: a batch that was being handed out when it joined may
        #: still be.
        self._live_after = after
        #: Up to here all was given, or is not for this stream.
        self._given = after
        self._allowed_lag = self._lag_from(after)
        self._ready: deque[Item] = deque()
        self._waiting: deque[Item] = deque()
        self._failure: Exception | None = None
        #: What its topic is, as far as is known, if that means that the stream is over.
        self._over = over
        self._wake: Callable[[], None] = _nobody
        self.keys = keys(view, self._viewer.groups)
        #: On the clock of `time.monotonic`.
        self.next_bookmark = time.monotonic() + BOOKMARK_SECONDS if bookmarks else float("inf")

    # What the door asks

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
            return self._last_words(self._failure)
        topic, may_ask = self._viewer.view.topic, self.behind
        # In this order: once `_after` is set, the tailer adds nothing to what waits, which therefore goes first.
        if self._after is not None and not self._ready and not self._waiting:
            self._advance(self._after, limit)
        events: list[Event] = []
        while len(events) < limit and (self._ready or self._waiting):
            item = (self._ready or self._waiting).popleft()
            if topic is not None and item.kind in (Kind.LEFT, Kind.DELETED) and topic.is_of(item.change):
                if topic.came_back_after(item.change):
                    continue
                self.end(topic.gone)
                return events or self._last_words(topic.gone)
            events.append(self._event(item))
        if events:
            return events
        if self._after is None and self._over is not None and may_ask:
            return self._end_of_topic(self._over)
        if self._after is not None or self._over is not None:
            # Nothing here was for this stream, but there is more; or the database must be asked.
            self._wake()
        return events

    def end(self, failure: Exception) -> None:
        self._failure = self._failure or failure
        self._wake()

    def close(self) -> None:
        self._hub.remove(self)
        self._wake = _nobody

    def authorize(self, actor: Any) -> None:
        """Tells the stream who its caller is now.

        If they have other rights, subjects came into view or left it without having changed, which no change tells:
        the stream ends, and its client starts over.
        """
        view = self._viewer.view
        if any(view.groups(name, actor) != groups for name, groups in self._viewer.groups.items()):
            self.end(EpochChanged("What you may see has changed: start over from the initial state."))

    # What the hub asks, in the tailer's thread

    def go_live(self, seq: int) -> None:
        """From now on it is offered every change after this number; in the door's thread."""
        self._live_after = seq
        self._after = None

    def offer(self, change: ChangeRecord) -> bool:
        """Whether the change is for this stream, which should be woken then."""
        if self._after is not None or change.seq <= self._live_after:
            return False
        item = self._item(change)
        if item is not None and len(self._waiting) >= MAX_WAITING:
            # In this order: once `_after` is set, the door may join again at once.
            self._hub.leave(self)
            self._after = change.seq - 1
            return True
        if item is not None:
            self._waiting.append(item)
        # In this order: what was offered up to here waits, or is taken.
        self._live_after = change.seq
        # If its topic is over, the end may have waited for this change, though it is not told.
        return item is not None or self._over is not None

    def offer_bookmark(self, seq: int, now: float) -> bool:
        """Whether it was due, and there is place for it; all up to this number was offered."""
        if self._after is not None or len(self._waiting) >= MAX_WAITING:
            return False
        self.next_bookmark = now + BOOKMARK_SECONDS
        self._waiting.append(Item(Kind.BOOKMARK, max(seq, self._given)))
        return True

    def wake(self) -> None:
        """Wakes whoever takes."""
        self._wake()

    # How it goes on

    def _advance(self, after: int, limit: int) -> None:
        if not self._must_read:
            self._go_on_from_memory(after, limit)
            return
        with fresh_connections():
            if self._snapshot is not None and not self._snapshot.complete:
                self._read_snapshot(self._snapshot)
            else:
                self._read_log(after)

    def _go_on_from_memory(self, after: int, limit: int) -> None:
        found = self._hub.join(self, after, limit)
        if found is None:
            self._must_read = True
            self._check_lag(after)
            return
        changes, live = found
        # If it is live, the tailer may have offered more by now, and even have ended it; what is ready goes first.
        if not live:
            self._after = after + len(changes)
        self._show(changes)

    def _read_log(self, after: int) -> None:
        head, until, changes = log.read(after, self._viewer.view.subject_types)
        if head.epoch != self.epoch:
            raise EpochChanged(ANOTHER_LOG)
        cursors.check_kept(after, head)
        self._show(changes)
        self._after = until
        self._must_read = until < head.seq
        now = time.monotonic()
        if now >= self.next_bookmark:
            self.next_bookmark = now + BOOKMARK_SECONDS
            self._ready.append(Item(Kind.BOOKMARK, until))
        self._check_lag(until)

    def _read_snapshot(self, snapshot: Snapshot) -> None:
        topic = None if snapshot.begun else self._viewer.view.topic
        for row in snapshot.page():
            if (item := self._item(row)) is not None:
                self._ready.append(item)
        if topic is not None and not self._ready:
            raise topic.gone  # Between looking for it and this.
        if snapshot.complete and self._after is not None:
            self._must_read = False
            self._allowed_lag = self._lag_from(self._after)
            if self._bookmarks:
                self._ready.append(Item(Kind.SNAPSHOT_END, self._after))

    def _show(self, changes: Sequence[ChangeRecord]) -> None:
        self._ready.extend(item for change in changes if (item := self._item(change)) is not None)

    def _item(self, change: ChangeRecord) -> Item | None:
        # A cursor of another process may be ahead of what this one has read.
        if 0 < change.seq <= self._given:
            return None
        shown = self._viewer.shown(change)
        # Asked last, because then the change is of a type that was read.
        if shown is not None and change.seq and self._snapshot is not None and self._snapshot.holds(change):
            return None
        return shown and Item(shown[0], change.seq or None, change, shown[1])

    def _event(self, item: Item) -> Event:
        cursor = ""
        if item.seq is not None:
            self._given = item.seq
            cursor = self._cursor(item.seq, item.change if item.kind is not Kind.END else None)
        view, change = self._viewer.view, item.change
        if view.topic is not None and change is not None and view.topic.is_of(change):
            self._over = change if view.topic.is_over(change.new or {}) else None
        return Event(view.named(item.kind, change), self._viewer.payload(item.kind, change, item.extent), cursor)

    def _end_of_topic(self, over: ChangeRecord) -> Sequence[Event]:
        """The last event, if all that is committed was told. If not, the rest is going to be offered, and wakes."""
        view, passed = self._viewer.view, self._live_after
        with fresh_connections():
            if view.topic is None or log.has_pending(passed, view.subject_types, view.topic.named_by):
                return ()
        if self._waiting or self._after is not None:  # It was offered meanwhile.
            self._wake()
            return ()
        end = self._event(Item(Kind.END, max(passed, self._given), over))
        self._failure, self._bookmarks = FeedOver(), False
        return [end]

    def _cursor(self, seq: int, change: ChangeRecord | None) -> str:
        """The cursor after a change, which the streams of one filter share."""
        made = {} if change is None else change.made
        found: str | None = made.get(self._stamp)
        if found is None:
            found = made[self._stamp] = cursors.write(self._stamp, self.epoch, seq)
        return found

    def _last_words(self, failure: Exception) -> Sequence[Event]:
        self._ready.clear()
        self._waiting.clear()
        owed = self._bookmarks and (self._snapshot is None or self._snapshot.complete)
        if not owed:
            raise failure
        self._bookmarks = False
        return [self._event(Item(Kind.BOOKMARK, self._given))]

    def _lag_from(self, after: int) -> int:
        """Who comes from far back may be so far behind, and no farther."""
        limit: int = settings.WATCH_MOST_BEHIND
        return limit + max(0, self._hub.head.seq - after)

    def _check_lag(self, after: int) -> None:
        if self._hub.head.seq - after > self._allowed_lag:
            cursor = cursors.write(self._stamp, self.epoch, self._given)
            self.end(TooFarBehind("You read too slowly: go on from your last cursor.", cursor=cursor))


def open_watch(
    hub: Hub,
    view: Subscription,
    actor: Any,
    *,
    cursor: str = "",
    include_initial: bool = False,
    bookmarks: bool = False,
) -> Watch:
    """A stream of what this actor sees through this view.

    Args:
        cursor: goes on after it; empty = from now on.
        include_initial: first what there is now.
        bookmarks: also tells of the state's end and, every 15 seconds, how far the stream is.

    Raises:
        ValidationError: a cursor together with `include_initial`.
        CursorInvalid, CursorExpired, EpochChanged: see `cursors.read`.
        Unavailable: this process has not begun to read the log.
    """
    if cursor and include_initial:
        raise invalid("cursor", "conflict", "Send either a cursor or include_initial.")
    stamp, head = stamp_of(view, actor), hub.head
    # Another process may have given the cursor, and be ahead of this one.
    after = cursors.read(cursor, stamp, log.read_head()) if cursor else head.seq
    over = _over_already(view.topic) if cursor and view.topic else None
    return Watch(hub, view, actor, after=after, stamp=stamp, initial=include_initial, bookmarks=bookmarks, over=over)


def _over_already(topic: Topic) -> ChangeRecord | None:
    """What the topic is by now, if that means that it is over: no change after the cursor need tell it."""
    subject = subjects.of(topic.subject_type)
    rows = subject.model._default_manager.filter(pk=topic.subject_id)
    image = subject.images(rows).values_list("image", flat=True).first()
    return as_created(topic.subject_type, image) if image is not None and topic.is_over(image) else None


def stamp_of(view: Subscription, actor: Any) -> cursors.Stamp:
    """What the cursors of this view and this actor have in common.

    What is the actor's own is not among it. What a view without a filter shows is: where the server has learned of
    another type of subjects, these came into view without having changed.
    """
    of_actor = str(actor.pk)
    rights = {(name, "") for name in view.subject_types}
    for name, groups in viewer(view, actor).groups.items():
        rights |= {(name, group) for group in groups - {of_actor}}
    return cursors.stamp(view.operation, view.bound_to, rights)


def _nobody() -> None:
    """Nobody takes, so nobody is woken."""
