"""ListPages: the pages of a document, in their order."""

from drawings.models import Document, Status
from projects.models import Role
from tandem.drawing.v1 import drawing_pb2
from tandem.drawing.v1.drawing_pb2 import GetPageRequest, ListPagesRequest
from tests.support.drawings import member
from tests.support.transports import Transport
from users.models import User

SERVICE = "DrawingService/"


def test_document_is_read(api: Transport, ann: User, document: Document) -> None:
    assert (document.status, document.progress, document.page_count) == (Status.READY, 100, 3)
    assert document.metadata["Title"] == "Cabinet"
    listed = api(f"{SERVICE}ListPages", ListPagesRequest(document_id=str(document.pk)), actor=ann)
    assert [page.page_number for page in listed.pages] == [0, 1, 2]
    assert listed.pagination.total_count == 3
    first = listed.pages[0]
    assert (first.width, first.height, list(first.bbox)) == (842, 595, [0, 0, 842, 595])
    assert (first.kind, first.text, first.image_count) == (drawing_pb2.PAGE_KIND_VECTOR_TEXT, "", 0)
    page = api(f"{SERVICE}GetPage", GetPageRequest(document_id=str(document.pk), page_number=1), actor=ann).page
    assert page.text.split() == ["-Q1", "16", "A"]
    assert page.drawing_count == 1


def test_members_see_it(api: Transport, ann: User, bob: User, document: Document) -> None:
    viewer = member(document.project, Role.VIEWER)
    request = ListPagesRequest(document_id=str(document.pk))
    api(f"{SERVICE}ListPages", request, actor=viewer)
    assert api.failure(f"{SERVICE}ListPages", request, actor=bob).reason == "NOT_FOUND"
