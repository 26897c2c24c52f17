"""Detection of changes that are not numbered in time. No stream shows them, and nothing else would report it."""

import logging
import time

from django.db import connection
from prometheus_client import Gauge

logger = logging.getLogger(__name__)

#: Committed changes have their numbers within 0.2 s; beyond this, something keeps the sequencer from working.
MAX_AGE_SECONDS = 5.0
CHECK_INTERVAL_SECONDS = 1.0

# If numbering has stopped, the newest change has no number. A query for any change without a number would read an index
# that still contains every change until the next vacuum.
_QUERY = """
    SELECT (SELECT seq FROM changes_head),
           (SELECT seq IS NULL FROM changes_change ORDER BY id DESC LIMIT 1)
"""


class Backlog:
    """Backlog of changes without a number, as one process sees it. One thread calls `check`."""

    def __init__(self) -> None:
        self._next_check = 0.0
        self._head: int | None = None
        self._since: float | None = None
        self._reported = False

    @property
    def seconds(self) -> float:
        """Seconds for which changes have been waiting without any being numbered; 0 = no change waits."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def is_late(self) -> bool:
        """True if changes have been waiting for more than `MAX_AGE_SECONDS`."""
        return self.seconds > MAX_AGE_SECONDS

    def check(self) -> None:
        """Query the log at most once a second, and log when the backlog becomes late and when it no longer is."""
        now = time.monotonic()
        if now < self._next_check:
            return
        self._next_check = now + CHECK_INTERVAL_SECONDS
        with connection.cursor() as cursor:
            cursor.execute(_QUERY)
            head, is_waiting = cursor.fetchone()
        if not is_waiting:
            self._since = None
        elif self._since is None or head != self._head:
            self._since = now
        self._head = head
        self._report()

    def forget(self) -> None:
        """Reset the state because no thread calls `check` any more."""
        self._since, self._reported = None, False

    def _report(self) -> None:
        if self.is_late and not self._reported:
            self._reported = True
            logger.warning(
                "Changes have been waiting for their sequence numbers for %.0f seconds, so event streams deliver "
                "nothing: no process numbers them. Check which session holds or waits for a lock (pg_locks, "
                "pg_stat_activity).",
                self.seconds,
            )
        elif self._reported and not self.is_late:
            self._reported = False
            logger.warning("Changes get their sequence numbers again.")


#: The backlog as this process sees it.
backlog = Backlog()
Gauge(
    "tandem_changes_unnumbered_age_seconds",
    "How long committed changes have been waiting for their numbers while none was assigned; 0 = no change waits.",
).set_function(lambda: backlog.seconds)
