"""The thread that numbers changes, in one process at a time; in the others it is ready to take over."""

import time

from django.db import OperationalError
from psycopg2.errors import LockNotAvailable

from changes.feed import numbering
from changes.feed.routine import NotificationListener

#: How late a commit that rang no bell is found, and how late a dead numberer is replaced.
POLL_SECONDS = 0.15
#: Between two batches, and between two notifications of a process. A batch costs a commit and a reading by each
#: process, whatever it holds; one that comes alone does not wait.
LEAST_SECONDS = 0.02


class Sequencer:
    """A candidate for the office. In office it numbers; else it passes on that this process has written."""

    def __init__(self) -> None:
        self.is_leader = False
        self._next_try = 0.0
        self._routine = NotificationListener(
            "numberer",
            channel=numbering.WRITTEN,
            poll_seconds=POLL_SECONDS,
            least_seconds=LEAST_SECONDS,
            begin=self._begin,
            step=self._step,
        )
        self.start, self.stop, self.ring = self._routine.start, self._routine.stop, self._routine.wake

    def _begin(self) -> None:
        self.is_leader = False
        self._next_try = 0.0

    def _step(self, written_here: bool) -> None:
        if not self.is_leader and time.monotonic() >= self._next_try:
            self.is_leader = numbering.try_acquire_leadership()
            self._next_try = time.monotonic() + POLL_SECONDS
        if self.is_leader:
            try:
                numbering.number()
            except OperationalError as exc:
                if not isinstance(exc.__cause__, LockNotAvailable):
                    raise
                # Somebody is forgetting a subject just now: at the next step.
        elif written_here:
            numbering.tell_of_writes()
