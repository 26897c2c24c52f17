"""The thread that numbers changes in the leader's process, and is ready to take over in all others."""

import time

from django.db import OperationalError
from psycopg2.errors import LockNotAvailable

from changes.feed import numbering
from core.db.listener import NotificationListener

#: Maximum delay until a commit without a notification is found, and until a leader that died is replaced.
POLL_SECONDS = 0.15
#: Minimum time between two batches, and between two notifications by a process. A batch of any size costs a commit and
#: a query by each process. A single change is not delayed.
MIN_INTERVAL_SECONDS = 0.02


class Sequencer:
    """Candidate for the leadership. The leader numbers changes; others notify it when their process has committed."""

    def __init__(self) -> None:
        self.is_leader = False
        self._next_try = 0.0
        self._listener = NotificationListener(
            "numberer",
            channel=numbering.WRITTEN,
            poll_seconds=POLL_SECONDS,
            min_interval_seconds=MIN_INTERVAL_SECONDS,
            begin=self._begin,
            step=self._step,
        )
        self.start, self.stop, self.wake = self._listener.start, self._listener.stop, self._listener.wake

    def _begin(self) -> None:
        self.is_leader = False
        self._next_try = 0.0

    def _step(self, has_committed: bool) -> None:
        if not self.is_leader and time.monotonic() >= self._next_try:
            self.is_leader = numbering.try_acquire_leadership()
            self._next_try = time.monotonic() + POLL_SECONDS
        if self.is_leader:
            try:
                numbering.number()
            except OperationalError as exc:
                if not isinstance(exc.__cause__, LockNotAvailable):
                    raise
                # Another transaction is removing a subject's data; the next step tries again.
        elif has_committed:
            numbering.notify_leader()
