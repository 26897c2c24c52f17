"""The thread that reads numbered changes, once for all streams of its process."""

import logging
import time
from collections.abc import Sequence

from django.conf import settings

from changes.feed import log, numbering, spans
from changes.feed.backlog import backlog
from changes.feed.hub import Hub
from core.db.listener import NotificationListener
from core.errors import Unavailable

logger = logging.getLogger(__name__)

#: Maximum delay of a change whose notification was lost.
POLL_SECONDS = 0.2
#: How often streams are checked for a due bookmark.
BOOKMARK_CHECK_SECONDS = 1.0


class Tailer:
    """Thread that reads new changes of the log and publishes them in the hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._next_bookmarks = 0.0
        self._listener = NotificationListener(
            "tailer", channel=numbering.NUMBERED, poll_seconds=POLL_SECONDS, step=self._step
        )
        self.start, self.stop = self._listener.start, self._listener.stop

    def _step(self, was_woken: bool) -> None:
        has_more = True
        while has_more:
            has_more = self._read()
        backlog.check()
        now = time.monotonic()
        if now >= self._next_bookmarks:  # The check iterates over all streams.
            self._next_bookmarks = now + BOOKMARK_CHECK_SECONDS
            self._hub.bookmark(now)

    def _read(self) -> bool:
        """Read one page, and return whether there is another."""
        known = self._hub.known_head
        try:
            head, until, changes = log.read(known.seq if known else 0, limit=log.PAGE_SIZE if known else 0)
        except Unavailable:  # No process has begun to number changes; one will do so shortly.
            return False
        if known is None or not _follows(known, head, until, changes):
            self._hub.begin(head)
            return False
        if until > known.seq:
            self._hub.publish(log.Head(head.epoch, until, head.oldest), changes)
            if settings.TRACING:
                spans.record_delivery(known.seq, until)
        return until < head.seq


def _follows(known: log.Head, head: log.Head, until: int, changes: Sequence[log.ChangeRecord]) -> bool:
    """Return whether the changes follow the known head without a gap, in the same log."""
    if head.epoch != known.epoch or head.seq < known.seq or known.seq + 1 < head.oldest:
        return False
    if len(changes) != until - known.seq:
        logger.error("The change log has a gap between %d and %d; run `manage.py changes verify`.", known.seq, until)
        return False
    return True
