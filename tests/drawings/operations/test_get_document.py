import pytest

from projects.models import ProjectMember, Role
from tandem.drawing.v1 import drawing_pb2
from tests.support.drawings import project_of
from tests.support.factories import DocumentFactory
from tests.support.transports import Failed, Transport
from users.models import User

SERVICE = "DrawingService/"


def get(api: Transport, actor: User, document_id: str) -> drawing_pb2.Document:
    return api(f"{SERVICE}GetDocument", drawing_pb2.GetDocumentRequest(document_id=document_id), actor=actor).document  # type: ignore[no-any-return]


def test_members_and_administrators_see_a_document(api: Transport, ann: User, bob: User, administrator: User) -> None:
    document = DocumentFactory(project=project_of(ann, Role.VIEWER), title="Cabinet", metadata={"Author": "Ann"})
    for actor in (ann, administrator):
        received = get(api, actor, str(document.pk))
        assert (received.title, received.metadata["Author"], received.duplicate) == ("Cabinet", "Ann", False)
    ProjectMember.objects.all().delete()
    for actor in (ann, bob):
        with pytest.raises(Failed) as failed:
            get(api, actor, str(document.pk))
        assert (failed.value.reason, str(document.pk) in failed.value.message) == ("NOT_FOUND", True)


@pytest.mark.parametrize("document_id", ["nonsense", "00000000-0000-7000-8000-000000000000"])
def test_unknown_document(api: Transport, ann: User, document_id: str) -> None:
    request = drawing_pb2.GetDocumentRequest(document_id=document_id)
    assert api.failure(f"{SERVICE}GetDocument", request, actor=ann).reason == "NOT_FOUND"
