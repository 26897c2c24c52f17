"""The feed in pages, for callers that poll."""

from collections.abc import Sequence

from changes.feed import cursors, log
from changes.feed.view import Subscription, viewer
from changes.feed.watching import stamp_of
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
    stamp, head = stamp_of(view, actor), log.read_head()
    scope = viewer(view, actor)
    after = cursors.read(cursor, stamp, head) if cursor else head.oldest - 1
    events: list[Event] = []
    size, examined, examined_bytes, left = limit, 0, 0, PAGE_BYTES
    while not events and after < head.seq and examined < MAX_EXAMINED and examined_bytes < MAX_EXAMINED_BYTES:
        check_deadline()
        head, until, page = log.read(after, view.subject_types, size)
        cursors.check_kept(after, head)
        examined += until - after
        examined_bytes += sum(change.size for change in page)
        after, size = until, _PAGE
        for change in page:
            shown = scope.shown(change)
            if shown is None:
                continue
            kind, extent = shown
            payload = scope.payload(kind, change, extent)
            left -= payload.message.ByteSize() + _CURSOR_BYTES
            if left < 0 and events:  # The page has the maximum size that clients accept.
                return events, events[-1].cursor
            events.append(Event(kind.event_type, payload, cursors.write(stamp, head.epoch, change.seq)))
            if len(events) == limit:
                return events, events[-1].cursor
    return events, cursors.write(stamp, head.epoch, after)
