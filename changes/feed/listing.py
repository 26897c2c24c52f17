"""The log in pages, for callers who ask instead of waiting."""

from collections.abc import Sequence
from typing import Any

from changes.feed import cursors, log
from changes.feed.view import View, viewer
from changes.feed.watching import stamp_of
from core.context import check_deadline
from core.feeds import Event


def changes(view: View, actor: Any, cursor: str, most: int) -> tuple[Sequence[Event], str]:
    """What this actor sees through this view after the cursor, and the cursor to ask with next.

    None are given only if there are none now.

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
    size = most
    while not events and after < head.seq:
        check_deadline()
        head, until, page = log.read(after, view.subject_types, size)
        cursors.check_kept(after, head)
        after, size = until, log.PAGE
        for change in page:
            shown = seen.shown(change)
            if shown is None:
                continue
            kind, extent = shown
            payload = seen.payload(kind, change, extent)
            events.append(Event(kind.told_as, payload, cursors.write(stamp, head.epoch, change.seq)))
            if len(events) == most:
                return events, events[-1].cursor
    return events, cursors.write(stamp, head.epoch, after)
