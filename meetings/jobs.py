"""What the worker does for meetings: it has their recordings worked on."""

from uuid import UUID

from core.jobs import job


@job
def process(job_id: UUID, *, transcript_id: str) -> None:
    """Makes this version of a transcript."""
