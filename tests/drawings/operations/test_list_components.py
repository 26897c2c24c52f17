"""ListComponents: what was found on the pages."""

import pytest

from changes.models import Change
from core.db.ids import uuid7
from drawings.models import Component, Document, Method, State
from tandem.drawing.v1 import drawing_pb2
from tandem.drawing.v1.drawing_pb2 import (
    ListComponentsRequest,
)
from tests.support.components import PROPOSED, REJECTED, SERVICE, listed
from tests.support.drawings import project_of
from tests.support.factories import ComponentFactory
from tests.support.transports import Transport
from users.models import User


def test_components_of_the_text_are_proposed(api: Transport, ann: User, labelled: Document) -> None:
    found = listed(api, ann, labelled.project).components
    assert [(one.page_number, one.designator, one.prefix) for one in found] == [
        (0, "-K12", "K"), (1, "-Q1", "Q"), (1, "-K12", "K"),
    ]  # fmt: skip
    first = found[0]
    assert (getattr(first, "class"), first.method, first.state) == (
        "relay",
        drawing_pb2.COMPONENT_METHOD_TEXT,
        PROPOSED,
    )
    assert (first.rating.raw, first.rating.value, first.rating.unit) == ("24V", 24, "V")
    assert first.document_id == str(labelled.pk) and first.project_id == str(labelled.project_id)
    assert first.bbox[0] == pytest.approx(50, abs=1.5) and not first.decided_by


def test_list_is_filtered(api: Transport, ann: User, labelled: Document) -> None:
    project = labelled.project
    other = ComponentFactory(document__project=project, component_class="lamp", state=State.REJECTED)
    assert len(listed(api, ann, project, document_id=str(labelled.pk)).components) == 3
    assert len(listed(api, ann, project, page_number=0).components) == 2
    assert [one.id for one in listed(api, ann, project, states=[REJECTED]).components] == [str(other.pk)]
    assert [one.designator for one in listed(api, ann, project, prefix="Q").components] == ["-Q1"]
    assert [one.id for one in listed(api, ann, project, **{"class": "lamp"}).components] == [str(other.pk)]
    assert listed(api, ann, project, symbol_id=str(uuid7())).pagination.total_count == 0


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"document_id": "x"}, "document_id"),
        ({"page_number": -1}, "page_number"),
        ({"states": [9]}, "states.0"),
        ({"prefix": "a\0b"}, "prefix"),
        ({"class": "x" * 51}, "class"),
    ],
)
def test_invalid_filter_is_named(api: Transport, ann: User, fields: dict[str, object], error: str) -> None:
    request = ListComponentsRequest(project_id=str(project_of(ann).pk), **fields)  # type: ignore[arg-type]
    assert error in api.failure(f"{SERVICE}ListComponents", request, actor=ann).fields


def test_deleting_the_document_deletes_its_components(ann: User, labelled: Document) -> None:
    from drawings.services import delete_document

    assert Component.objects.filter(document=labelled, method=Method.TEXT).count() == 3
    delete_document(ann, str(labelled.pk))
    assert not Component.objects.exists()
    assert not Change.objects.filter(subject_type="drawing.component").exclude(new=None).exists()
