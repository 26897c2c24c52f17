"""UpdateComponent: corrections by people."""

from drawings.models import Component, Document
from drawings.services.processing import reprocess
from tandem.drawing.v1.drawing_pb2 import (
    UpdateComponentRequest,
)
from tests.support.components import SERVICE, listed
from tests.support.drawings import processed
from tests.support.transports import Transport
from users.models import User


def test_correction_names_its_author_and_stays_when_the_document_is_processed_again(
    api: Transport, ann: User, labelled: Document
) -> None:
    first = listed(api, ann, labelled.project).components[0]
    request = UpdateComponentRequest(
        component_id=first.id, component={"designator": "-KF1", "rating": {"raw": "2,5 A"}}
    )
    corrected = api(f"{SERVICE}UpdateComponent", request, actor=ann).component
    assert (corrected.designator, corrected.prefix, corrected.rating.value) == ("-KF1", "KF", 2.5)
    assert corrected.decided_by == str(ann.pk) and corrected.version == first.version + 1
    reprocess(ann, str(labelled.pk))
    processed(labelled)
    assert sorted(one.designator for one in listed(api, ann, labelled.project).components) == ["-K12", "-KF1", "-Q1"]
    assert Component.objects.filter(pk=first.id).exists()
