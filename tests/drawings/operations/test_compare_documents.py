"""CompareDocuments: the differences of a revision."""

import pytest

from drawings.models import Document
from projects.models import Project
from tandem.drawing.v1 import drawing_pb2
from tandem.drawing.v1.drawing_pb2 import CompareDocumentsRequest, CompareDocumentsResponse
from tests.support.components import SERVICE
from tests.support.drawings import a_document, processed, project_of
from tests.support.factories import DocumentFactory
from tests.support.transports import Transport
from users.models import User


@pytest.fixture
def project(ann: User) -> Project:
    return project_of(ann)


def compared(api: Transport, actor: User, old: Document, new: Document) -> CompareDocumentsResponse:
    request = CompareDocumentsRequest(document_id=str(old.pk), to=str(new.pk))
    return api(f"{SERVICE}CompareDocuments", request, actor=actor)  # type: ignore[no-any-return]


def test_revision_is_compared_page_by_page(api: Transport, ann: User, project: Project) -> None:
    old = processed(a_document(project, ann, ("-K1", "24V", "Pump"), ("-Q1",)))
    new = processed(a_document(project, ann, ("-K1", "230V", "Pump"), ("-Q1",), ("-M9", "spare")))
    found = compared(api, ann, old, new)
    assert found.complete and [page.new_page_number for page in found.pages] == [0, 2]
    first, added = found.pages
    (changed,) = first.components
    assert (changed.kind, changed.old, changed.new) == (
        drawing_pb2.DIFFERENCE_KIND_CHANGED, "-K1 relay 24V", "-K1 relay 230V",
    )  # fmt: skip
    assert [(one.old, one.new) for one in first.texts] == [("24V", "230V")]
    assert not added.HasField("old_page_number")
    assert [(one.kind, one.new) for one in added.components] == [(drawing_pb2.DIFFERENCE_KIND_ADDED, "-M9 motor")]
    assert added.components[0].new_bbox and not added.components[0].old_bbox


def test_document_equals_itself(api: Transport, ann: User, project: Project) -> None:
    document = processed(a_document(project, ann, ("-K1", "24V")))
    found = compared(api, ann, document, document)
    assert found.complete and not found.pages


def test_document_of_another_project_is_unknown(api: Transport, ann: User, project: Project) -> None:
    old, foreign = DocumentFactory(project=project), DocumentFactory()
    for wanted, code in ((str(foreign.pk), "unknown"), ("x", "unknown"), ("", "required")):
        request = CompareDocumentsRequest(document_id=str(old.pk), to=wanted)
        assert api.failure(f"{SERVICE}CompareDocuments", request, actor=ann).fields == {"to": code}
