"""Whether changes get their numbers: until then no stream shows them, and nothing else would report it."""

import logging
import time

from django.db import connection
from prometheus_client import Gauge

logger = logging.getLogger(__name__)

#: Committed changes have their numbers within 0.2 s; beyond this, something keeps the numberer from working.
PATIENCE_SECONDS = 5.0
LOOK_EVERY_SECONDS = 1.0

# Where nothing is numbered any more the newest change has no number. Whether any has none would be asked of an index in
# which, until the next vacuum, every change still stands.
_LOOK = """
    SELECT (SELECT seq FROM changes_head),
           (SELECT seq IS NULL FROM changes_change ORDER BY id DESC LIMIT 1)
"""


class Backlog:
    """What one process sees of changes that wait for their numbers. `look` is called by one thread."""

    def __init__(self) -> None:
        self._next_look = 0.0
        self._head: int | None = None
        self._since: float | None = None
        self._reported = False

    @property
    def seconds(self) -> float:
        """How long changes have been waiting while none was numbered; 0 = none wait."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def is_late(self) -> bool:
        """Whether they wait for too long."""
        return self.seconds > PATIENCE_SECONDS

    def look(self) -> None:
        """Looks, at most once a second, and logs when changes begin to wait for too long, and when they do no more."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY_SECONDS
        with connection.cursor() as cursor:
            cursor.execute(_LOOK)
            head, waits = cursor.fetchone()
        if not waits:
            self._since = None
        elif self._since is None or head != self._head:
            self._since = now
        self._head = head
        self._report()

    def forget(self) -> None:
        """Nobody looks any more."""
        self._since, self._reported = None, False

    def _report(self) -> None:
        if self.is_late and not self._reported:
            self._reported = True
            logger.warning(
                "Changes have been waiting for their numbers for %.0f seconds, so streams of events stand still: no "
                "process numbers them. See which session holds or waits for a lock (pg_locks, pg_stat_activity).",
                self.seconds,
            )
        elif self._reported and not self.is_late:
            self._reported = False
            logger.warning("Changes get their numbers again.")


#: This process's.
backlog = Backlog()
Gauge(
    "tandem_changes_unnumbered_age_seconds",
    "How long committed changes have been waiting for their numbers while none was given; 0 = none wait.",
).set_function(lambda: backlog.seconds)
