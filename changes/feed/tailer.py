"""The thread that reads what was numbered, once for all streams of its process."""

import logging
import time
from collections.abc import Sequence

from changes.feed import log, numbering
from changes.feed.backlog import backlog
from changes.feed.hub import Hub
from changes.feed.routine import NotificationListener
from core.errors import Unavailable

logger = logging.getLogger(__name__)

#: How late a change is read whose notification was lost.
POLL_SECONDS = 0.2
#: How often it looks which streams are due a bookmark.
BOOKMARKS_SECONDS = 1.0


class Tailer:
    """Reads the log to its end, again and again, and publishes it in the hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._next_bookmarks = 0.0
        self._routine = NotificationListener(
            "tailer", channel=numbering.NUMBERED, poll_seconds=POLL_SECONDS, begin=self._begin, step=self._step
        )
        self.start, self.stop = self._routine.start, self._routine.stop

    def _begin(self) -> None:
        """Nothing is new on a new connection: it goes on from where it was."""

    def _step(self, waked: bool) -> None:
        more = True
        while more:
            more = self._read()
        backlog.look()
        now = time.monotonic()
        if now >= self._next_bookmarks:  # It looks at every stream.
            self._next_bookmarks = now + BOOKMARKS_SECONDS
            self._hub.bookmark(now)

    def _read(self) -> bool:
        """Reads one page; gives whether there is another."""
        known = self._hub.known_head
        try:
            head, until, changes = log.read(known.seq if known else 0, limit=log.PAGE if known else 0)
        except Unavailable:  # Nobody has numbered anything: this cannot be for long.
            return False
        if known is None or not _goes_on(known, head, until, changes):
            self._hub.begin(head)
            return False
        if until > known.seq:
            self._hub.publish(log.Head(head.epoch, until, head.oldest), changes)
        return until < head.seq


def _goes_on(known: log.Head, head: log.Head, until: int, changes: Sequence[log.ChangeRecord]) -> bool:
    """Whether what was read follows what was known."""
    if head.epoch != known.epoch or head.seq < known.seq or known.seq + 1 < head.oldest:
        return False
    if len(changes) != until - known.seq:
        logger.error("The change log has a hole between %d and %d: `manage.py changes verify`.", known.seq, until)
        return False
    return True
