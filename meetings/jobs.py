"""What the worker does for meetings: it works on their recordings."""

from uuid import UUID

from core.jobs import attempt, job
from meetings.services import pipeline


def _give_up(why: Exception | None, *, transcript_id: str) -> None:
    pipeline.give_up(UUID(transcript_id), why)


@job(slow=True, on_failure=_give_up)
def process(job_id: UUID, *, transcript_id: str) -> None:
    """Makes this version of a transcript, from where it is."""
    pipeline.run_pipeline(UUID(transcript_id), attempt())
