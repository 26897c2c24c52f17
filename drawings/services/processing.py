"""Processing of documents: submission, repetition, cancellation. The job `drawings.process` does the work."""

from uuid import UUID

from changes.services import acting
from core.actors import Actor
from core.db.saving import save_clean
from core.errors import Conflict
from core.jobs import enqueue
from core.preconditions import ANY_VERSION, ExpectedVersion
from drawings import services
from drawings.models import RUNNING, Document, Status


def reprocess(actor: Actor, document_id: str, *, expected_version: ExpectedVersion = ANY_VERSION) -> Document:
    """Process the file once more. Pages stay the same rows, with what people did on them.

    Raises:
        Document.DoesNotExist, PermissionDenied, Stale
        Conflict: it is being processed, or the project is archived.
    """
    with acting(actor):
        document = services.document_to_change(actor, document_id, expected_version)
        if document.status in RUNNING:
            raise Conflict("The document is already being processed; cancel that, or wait until it ends.")
        save_clean(document, status=Status.QUEUED, progress=0, failure_reason="", run=document.run + 1)
        enqueue_run(document)
        return document


def cancel_processing(actor: Actor, document_id: str, *, expected_version: ExpectedVersion = ANY_VERSION) -> Document:
    """Cancel the processing. The worker notices within a second, and commits no further results.

    Raises:
        Document.DoesNotExist, PermissionDenied, Stale
        Conflict: it is not being processed, or the project is archived.
    """
    with acting(actor):
        document = services.document_to_change(actor, document_id, expected_version)
        if document.status not in RUNNING:
            raise Conflict("The document is not being processed.")
        return save_clean(document, status=Status.CANCELLED)


def enqueue_run(document: Document) -> None:
    """Queue the document's run; in the transaction that sets its number."""
    enqueue("drawings.process", fairness_key=str(document.project_id), document_id=str(document.pk), run=document.run)


def is_wanted(document_id: UUID, run: int) -> bool:
    """Return whether this run of the document still has to be done."""
    return bool(Document.objects.filter(pk=document_id, run=run, status__in=RUNNING).exists())
