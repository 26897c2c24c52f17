"""The log in pages, for callers who ask instead of waiting."""

from collections.abc import Sequence
from typing import Any

from changes.feed import cursors, log
from changes.feed.view import Subscription, viewer
from changes.feed.watching import stamp_of
from core.context import check_deadline
from core.db.pagination import PAGE_BYTES
from core.feeds import Event

#: So many changes, and bytes of their images, are looked at in one call, however few of them its caller may see.
MAX_LOOKED_AT, MAX_BYTES_LOOKED_AT = 2_000, 16 * 1024 * 1024
#: So many are read at once: whole images, of which a change has two.
_PAGE = 200
_CURSOR_BYTES = 80


def changes(view: Subscription, actor: Any, cursor: str, limit: int) -> tuple[Sequence[Event], str]:
    """What this actor sees through this view after the cursor, and the cursor to ask with next.

    There may be fewer than `limit`, or none, though more follow: the cursor then goes on. Where it is the one that was
    sent, all was read.

    Args:
        cursor: empty = from the oldest change that is kept.

    Raises:
        CursorInvalid, CursorExpired, EpochChanged: see `cursors.read`.
        Unavailable: nobody has numbered anything yet.
    """
    stamp, head = stamp_of(view, actor), log.read_head()
    seen = viewer(view, actor)
    after = cursors.read(cursor, stamp, head) if cursor else head.oldest - 1
    events: list[Event] = []
    size, looked_at, looked_at_bytes, left = limit, 0, 0, PAGE_BYTES
    while not events and after < head.seq and looked_at < MAX_LOOKED_AT and looked_at_bytes < MAX_BYTES_LOOKED_AT:
        check_deadline()
        head, until, page = log.read(after, view.subject_types, size)
        cursors.check_kept(after, head)
        looked_at += until - after
        looked_at_bytes += sum(change.size for change in page)
        after, size = until, _PAGE
        for change in page:
            shown = seen.shown(change)
            if shown is None:
                continue
            kind, extent = shown
            payload = seen.payload(kind, change, extent)
            left -= payload.message.ByteSize() + _CURSOR_BYTES
            if left < 0 and events:  # The page is as large as clients take it.
                return events, events[-1].cursor
            events.append(Event(kind.event_type, payload, cursors.write(stamp, head.epoch, change.seq)))
            if len(events) == limit:
                return events, events[-1].cursor
    return events, cursors.write(stamp, head.epoch, after)
