"""UpdateComponent: corrections by people."""

import pytest

from drawings.models import Component, Document
from drawings.services.processing import reprocess
from tandem.drawing.v1 import drawing_pb2
from tandem.drawing.v1.drawing_pb2 import (
    UpdateComponentRequest,
)
from tests.support.components import SERVICE, listed
from tests.support.drawings import a_document, processed, project_of
from tests.support.transports import Transport
from users.models import User

CONFIRMED, REJECTED = drawing_pb2.COMPONENT_STATE_CONFIRMED, drawing_pb2.COMPONENT_STATE_REJECTED
PROPOSED = drawing_pb2.COMPONENT_STATE_PROPOSED


@pytest.fixture
def document(ann: User) -> Document:
    return processed(a_document(project_of(ann), ann, ("-K12", "24V"), ("-Q1", "16A", "-K12"), ()))


def test_correction_names_its_author_and_stays_when_the_document_is_processed_again(
    api: Transport, ann: User, document: Document
) -> None:
    first = listed(api, ann, document.project).components[0]
    request = UpdateComponentRequest(
        component_id=first.id, component={"designator": "-KF1", "rating": {"raw": "2,5 A"}}
    )
    corrected = api(f"{SERVICE}UpdateComponent", request, actor=ann).component
    assert (corrected.designator, corrected.prefix, corrected.rating.value) == ("-KF1", "KF", 2.5)
    assert corrected.decided_by == str(ann.pk) and corrected.version == first.version + 1
    reprocess(ann, str(document.pk))
    processed(document)
    assert sorted(one.designator for one in listed(api, ann, document.project).components) == ["-K12", "-KF1", "-Q1"]
    assert Component.objects.filter(pk=first.id).exists()
