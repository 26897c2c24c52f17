"""`manage.py runworker` as a process, for tests marked `real_server`."""

import json
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psutil
from django.db.models.functions import Now

from core.models import Job
from tests.support.fork_server import start, start_whole
from tests.support.servers import PATIENCE_SECONDS, database_url, until
from tests.support.setting_overrides import as_variables

#: How long a killed worker's job may stay its own.
TAKEN_OVER_WITHIN_SECONDS = 15


class Worker:
    """A running worker on the test database.

    Args:
        whole_start: the test is about the start or the end of the command.
    """

    def __init__(self, *arguments: str, whole_start: bool = False, **environment: str) -> None:
        variables = {
            "DJANGO_SETTINGS_MODULE": "tests.server_settings", "DATABASE_URL": database_url(), "LOG_LEVEL": "INFO",
            "LOG_JSON": "true",
        }  # fmt: skip
        # A file, so that no thread has to read while it runs.
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = (start_whole if whole_start else start)(
            ["runworker", *arguments], os.environ | as_variables(variables | environment),
            stdout=self._output, stderr=self._output,
        )  # fmt: skip

    def until_it_runs(self) -> "Worker":
        until(lambda: "Running jobs" in self.output_text or self.process.poll() is not None, "the worker runs")
        assert self.process.poll() is None, self.output_text
        return self

    @property
    def output_text(self) -> str:
        """Everything that it has written so far."""
        # The file's position is the process's too, so it is read without moving it.
        return os.pread(self._output.fileno(), 10_000_000, 0).decode()

    def logged(self) -> list[dict[str, Any]]:
        """Return the lines of the log so far."""
        return [json.loads(line) for line in self.output_text.splitlines() if line.startswith("{")]

    def send_signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def exit_code(self) -> int:
        """Wait for its end."""
        return self.process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """Kill it, as a failure of the machine does."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """End it at once."""
        if self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
            self.kill()
        self._output.close()


def shorten_leases(seconds: float) -> None:
    """Make the leases of all running jobs end in so many seconds, so that no test waits for a whole one.

    tests/core/test_job_leases.py asserts how long a lease is.
    """
    Job.objects.filter(lease_until__gt=Now()).update(lease_until=Now() + timedelta(seconds=seconds))


@contextmanager
def workers() -> Iterator[Callable[..., Worker]]:
    """Start workers, and end those that are left."""
    started: list[Worker] = []

    def start(*arguments: str, **environment: str) -> Worker:
        started.append(Worker(*arguments, **environment))
        return started[-1].until_it_runs()

    try:
        yield start
    finally:
        for worker in started:
            worker.end()
