"""Run the jobs of meetings, to their end or in a thread beside the test."""

import threading
from collections.abc import Callable

from django.db import connections

from core.jobs import store
from core.jobs.worker import run_job
from core.models import Job
from meetings.models import Meeting, Segment
from tests.jobs import run_jobs
from tests.support.servers import until

Script = Callable[..., None]
TOTAL = {"progress": {"done_ms": 0, "total_ms": 20_000}}
DONE = {"done": {"audio_ms": 20_000, "cpu_ms": 7}}


def process(meeting: Meeting) -> Meeting:
    """Run the jobs that are due, and return the meeting."""
    run_jobs()
    meeting.refresh_from_db()
    return meeting


class RunningJob:
    """A job that runs in a thread, as in a worker, until something ends it."""

    def __init__(self) -> None:
        (self.job,) = store.claim(1)
        self.stopping = False
        # A test that fails must not wait for it.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            run_job(self.job, lambda: self.stopping)
        finally:
            connections.close_all()

    def until_stored(self, count: int) -> None:
        until(lambda: Segment.objects.count() == count, f"{count} segments are stored")

    def ended(self) -> str:
        """Wait for its end, which must come soon, and return the state of the job."""
        self._thread.join(5)
        assert not self._thread.is_alive(), "it goes on"
        return Job.objects.get(pk=self.job.pk).state
