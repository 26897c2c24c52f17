"""Background jobs of meetings: the processing of recordings."""

from uuid import UUID

from core.jobs import Reschedule, attempt, job
from meetings.services import live, pipeline


def _give_up(error: Exception | None, *, transcript_id: str) -> None:
    pipeline.give_up(UUID(transcript_id), error)


@job(slow=True, on_failure=_give_up)
def process(job_id: UUID, *, transcript_id: str) -> None:
    """Make this version of a transcript, resuming after the last committed step."""
    pipeline.run_pipeline(UUID(transcript_id), attempt())


@job
def close_live(job_id: UUID, *, upload_id: str) -> None:
    """End a live recording whose client does not return."""
    if left := live.close_abandoned(UUID(upload_id)):
        raise Reschedule(left)
