"""The feed in pages, for callers that poll."""

from collections.abc import Sequence
from dataclasses import replace

from changes.feed import cursors, log, memberships
from changes.feed.crossing import Crossing
from changes.feed.cursors import Position, Stamp
from changes.feed.log import ChangeRecord, Head
from changes.feed.subjects import Visibility
from changes.feed.view import EventKind, Subscription, viewer
from core.actors import Actor
from core.context import check_deadline
from core.db.pagination import PAGE_BYTES
from core.feeds import Event

#: How many changes, and bytes of their images, a call examines, even if the caller may see few of them.
MAX_EXAMINED, MAX_EXAMINED_BYTES = 2_000, 16 * 1024 * 1024
#: How many changes are read at once; each has up to two images.
_PAGE = 200
_CURSOR_BYTES = 80


def changes(view: Subscription, actor: Actor, cursor: str, limit: int) -> tuple[Sequence[Event], str]:
    """Return the events after the cursor that this actor may see, and the cursor of the next page.

    A page may have fewer than `limit` events, or none, although more follow. If the next cursor is the one that was
    sent, the end of the feed is reached.

    Args:
        cursor: empty = from the oldest change that is kept.

    Raises:
        CursorInvalid, CursorExpired, EpochChanged: see `cursors.read`.
        Unavailable: no process has begun to number changes.
    """
    stamp, head = cursors.stamp_of(view, actor), log.read_head()
    position = cursors.read(cursor, stamp, head) if cursor else Position(head.oldest - 1)
    page = _Page(view, actor, stamp, head, position, limit)
    while page.may_go_on:
        check_deadline()
        page.read()
    return page.events, page.events[-1].cursor if page.full else page.cursor(page.position)


class _Page:
    """One page of events, while it is read."""

    def __init__(
        self, view: Subscription, actor: Actor, stamp: Stamp, head: Head, position: Position, limit: int
    ) -> None:
        self.position = position
        self.events: list[Event] = []
        #: True if there is no room for another event.
        self.full = False
        self._standing = memberships.standing_of(view, actor, position.seq)
        self._scope = replace(viewer(view, actor), members=self._standing.then)
        self._types = (*view.subject_types, *self._standing.types)
        self._stamp = stamp
        self._head = head
        self._limit = limit
        self._bytes_left = PAGE_BYTES
        self._examined = self._examined_bytes = 0
        self._crossing: Crossing | None = None

    @property
    def may_go_on(self) -> bool:
        if self.events or self._examined >= MAX_EXAMINED or self._examined_bytes >= MAX_EXAMINED_BYTES:
            return False
        return self._crossing is not None or self.position.seq < self._head.seq

    def cursor(self, position: Position) -> str:
        return cursors.write(self._stamp, self._head.epoch, *position)

    def read(self) -> None:
        """Read the next changes, or the next part of a crossing."""
        size = _PAGE if self._examined else self._limit
        if self._crossing is None:
            self._read_log(size)
        else:
            self._read_crossing(self._crossing, size)

    def _read_log(self, size: int) -> None:
        after, inside = self.position
        self._head, until, changes = log.read(after, self._types, size)
        cursors.check_kept(after, self._head)
        self._examined += until - after
        self._examined_bytes += sum(change.size for change in changes)
        for change in changes:
            if turn := memberships.turn(change, self._standing):
                is_inside = inside and change.seq == after + 1
                self._crossing = Crossing(self._scope, change, turn, inside=inside if is_inside else b"")
                self._standing = self._standing.following(change, turn)
                self.position = Position(change.seq - 1, inside if is_inside else b"")
                return
            if (shown := self._scope.shown(change)) and not self._add(*shown, change, Position(change.seq)):
                return
        self.position = Position(until)

    def _read_crossing(self, crossing: Crossing, size: int) -> None:
        crossing.leave_out_entering(self._standing.now)
        before = self.position.seq
        self._examined += size
        for kind, extent, change, inside in crossing.page(size):
            if not self._add(kind, extent, change, Position(before, inside)):
                return
        self.position = Position(before, crossing.inside)
        if crossing.complete:
            self._scope = replace(self._scope, members=crossing.members)
            self._crossing, self.position = None, Position(before + 1)

    def _add(self, kind: EventKind, extent: Visibility, change: ChangeRecord, position: Position) -> bool:
        """Add an event, if its caller may still see it; return whether there is room for more."""
        if (allowed := self._scope.allowed(kind, extent, change, self._standing.now)) is None:
            return True
        kind, extent = allowed
        payload = self._scope.payload(kind, change, extent)
        self._bytes_left -= payload.message.ByteSize() + _CURSOR_BYTES
        if self._bytes_left < 0 and self.events:  # The page has the maximum size that clients accept.
            self.full = True
            return False
        self.events.append(Event(kind.event_type, payload, self.cursor(position)))
        self.full = len(self.events) == self._limit
        return not self.full
