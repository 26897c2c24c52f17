from drawings.models import Document, Page, Status
from projects.models import Role
from tandem.drawing.v1 import drawing_pb2
from tests.support.drawings import processed, project_of
from tests.support.factories import DocumentFactory
from tests.support.transports import Transport
from users.models import User

SERVICE = "DrawingService/"


def test_document_is_processed_once_more_on_the_same_rows(api: Transport, ann: User, document: Document) -> None:
    before = list(Page.objects.order_by("number").values_list("pk", flat=True))
    received = api(
        f"{SERVICE}Reprocess", drawing_pb2.ReprocessRequest(document_id=str(document.pk)), actor=ann
    ).document
    assert (received.status, received.progress) == (drawing_pb2.DOCUMENT_STATUS_QUEUED, 0)
    assert processed(document).status == Status.READY
    assert list(Page.objects.order_by("number").values_list("pk", flat=True)) == before
    assert set(Page.objects.values_list("run", flat=True)) == {2}


def test_document_in_work_is_not_processed_twice(api: Transport, ann: User) -> None:
    document = DocumentFactory(project=project_of(ann), status=Status.QUEUED)
    request = drawing_pb2.ReprocessRequest(document_id=str(document.pk))
    assert api.failure(f"{SERVICE}Reprocess", request, actor=ann).reason == "CONFLICT"


def test_viewers_process_nothing(api: Transport, ann: User) -> None:
    request = drawing_pb2.ReprocessRequest(document_id=str(DocumentFactory(project=project_of(ann, Role.VIEWER)).pk))
    assert api.failure(f"{SERVICE}Reprocess", request, actor=ann).reason == "FORBIDDEN"
