"""Background jobs of drawings: the processing of documents."""

from uuid import UUID

from core.jobs import attempt, job
from drawings.services import reading


def _give_up(error: Exception | None, *, document_id: str, run: int) -> None:
    reading.give_up(UUID(document_id), run)


@job(slow=True, on_failure=_give_up)
def process(job_id: UUID, *, document_id: str, run: int) -> None:
    """Read the pages of a document, resuming after the last committed page."""
    reading.run_document(UUID(document_id), run, attempt())
