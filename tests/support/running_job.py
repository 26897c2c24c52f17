"""A job that runs beside the test."""

import threading

from django.db import connections

from core.jobs import store
from core.jobs.worker import run_job
from core.models import Job


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

    def ended(self, within: float = 5) -> str:
        """Wait for its end, which must come within these seconds, and return the state of the job."""
        self._thread.join(within)
        assert not self._thread.is_alive(), "it goes on"
        return Job.objects.get(pk=self.job.pk).state
