from drawings.models import Document, Page, Status
from projects.models import Role
from tandem.drawing.v1 import drawing_pb2
from tests.jobs import run_jobs
from tests.support.drawings import a_document, project_of
from tests.support.factories import DocumentFactory
from tests.support.transports import Transport
from users.models import User

SERVICE = "DrawingService/"


def test_queued_document_is_cancelled(api: Transport, ann: User) -> None:
    document = a_document(project_of(ann), ann)
    request = drawing_pb2.CancelProcessingRequest(document_id=str(document.pk))
    received = api(f"{SERVICE}CancelProcessing", request, actor=ann).document
    assert received.status == drawing_pb2.DOCUMENT_STATUS_CANCELLED
    run_jobs()
    assert (Page.objects.count(), Document.objects.get().status) == (0, Status.CANCELLED)
    assert api.failure(f"{SERVICE}CancelProcessing", request, actor=ann).reason == "CONFLICT"


def test_viewers_cancel_nothing(api: Transport, ann: User) -> None:
    document = DocumentFactory(project=project_of(ann, Role.VIEWER), status=Status.QUEUED)
    request = drawing_pb2.CancelProcessingRequest(document_id=str(document.pk))
    assert api.failure(f"{SERVICE}CancelProcessing", request, actor=ann).reason == "FORBIDDEN"
