"""Background jobs of drawings: the processing of documents."""

from typing import TYPE_CHECKING
from uuid import UUID

from core.jobs import attempt, job
from core.lazy_modules import LazyModule

if TYPE_CHECKING:
    from drawings.services import counting, reading
else:
    counting, reading = LazyModule("drawings.services.counting"), LazyModule("drawings.services.reading")


def _give_up(error: Exception | None, *, document_id: str, run: int) -> None:
    reading.give_up(UUID(document_id), run)


@job(slow=True, on_failure=_give_up)
def process(job_id: UUID, *, document_id: str, run: int) -> None:
    """Read the pages of a document, resuming after the last committed page."""
    reading.run_document(UUID(document_id), run, attempt())


def _give_up_count(error: Exception | None, *, symbol_id: str, run: int, all_sheets: bool) -> None:
    counting.give_up(UUID(symbol_id), run)


@job(slow=True, on_failure=_give_up_count)
def count(job_id: UUID, *, symbol_id: str, run: int, all_sheets: bool) -> None:
    """Count a symbol on the pages of its project."""
    counting.run_count(UUID(symbol_id), run, attempt(), all_sheets=all_sheets)
