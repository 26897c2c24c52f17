from changes.models import Change
from drawings.models import Document, Page, PageContent
from projects.models import Role
from tandem.drawing.v1 import drawing_pb2
from tests.support.drawings import a_document, processed, project_of, stored
from tests.support.factories import DocumentFactory
from tests.support.transports import Transport
from users.models import User

SERVICE = "DrawingService/"


def test_document_is_deleted_with_its_file_and_pages(committing_api: Transport, ann: User, folder: object) -> None:
    document = processed(a_document(project_of(ann), ann))
    page_id = Page.objects.get().pk
    request = drawing_pb2.DeleteDocumentRequest(document_id=str(document.pk))
    committing_api(f"{SERVICE}DeleteDocument", request, actor=ann)
    assert (stored(), Document.objects.count(), Page.objects.count(), PageContent.objects.count()) == ([], 0, 0, 0)
    logged = Change.objects.filter(subject_type="drawing.page", subject_id=page_id)
    assert {(change.old, change.new) for change in logged} == {(None, None)}
    assert Change.objects.filter(subject_id=document.pk).latest("id").old["title"] == "cabinet.pdf"


def test_document_that_it_replaced_is_emptied(committing_api: Transport, ann: User) -> None:
    project = project_of(ann)
    before = DocumentFactory(project=project)
    after = DocumentFactory(project=project, supersedes=before)
    request = drawing_pb2.DeleteDocumentRequest(document_id=str(before.pk))
    committing_api(f"{SERVICE}DeleteDocument", request, actor=ann)
    after.refresh_from_db()
    assert (after.supersedes_id, after.version) == (None, 2)


def test_viewers_delete_nothing(api: Transport, ann: User) -> None:
    document = DocumentFactory(project=project_of(ann, Role.VIEWER))
    request = drawing_pb2.DeleteDocumentRequest(document_id=str(document.pk))
    assert api.failure(f"{SERVICE}DeleteDocument", request, actor=ann).reason == "FORBIDDEN"
