"""Run the jobs of meetings, to their end or in a thread beside the test."""

from collections.abc import Callable

from meetings.models import Meeting, Segment
from tests.jobs import run_jobs
from tests.support import running_job
from tests.support.servers import until

Script = Callable[..., None]
TOTAL = {"progress": {"done_ms": 0, "total_ms": 20_000}}
DONE = {"done": {"audio_ms": 20_000, "cpu_ms": 7}}


def process(meeting: Meeting) -> Meeting:
    """Run the jobs that are due, and return the meeting."""
    run_jobs()
    meeting.refresh_from_db()
    return meeting


class RunningJob(running_job.RunningJob):
    """The job of a recording in a thread, as in a worker, until something ends it."""

    def until_stored(self, count: int) -> None:
        until(lambda: Segment.objects.count() == count, f"{count} segments are stored")
