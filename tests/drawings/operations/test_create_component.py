"""CreateComponent: what a person sees on a page."""

import math

import pytest
from django.core.exceptions import ValidationError

from drawings.models import Component, Document
from projects.models import Project
from tandem.drawing.v1 import drawing_pb2
from tandem.drawing.v1.drawing_pb2 import (
    CreateComponentRequest,
    DecideComponentsRequest,
)
from tests.support.components import SERVICE
from tests.support.drawings import a_document, processed, project_of
from tests.support.transports import Failed, Transport
from users.models import User

CONFIRMED, REJECTED = drawing_pb2.COMPONENT_STATE_CONFIRMED, drawing_pb2.COMPONENT_STATE_REJECTED
PROPOSED = drawing_pb2.COMPONENT_STATE_PROPOSED


@pytest.fixture
def document(ann: User) -> Document:
    return processed(a_document(project_of(ann), ann, ("-K12", "24V"), ("-Q1", "16A", "-K12"), ()))


def refused(api: Transport, actor: User, project: Project, *decisions: object) -> Failed:
    request = DecideComponentsRequest(project_id=str(project.pk), decisions=decisions)  # type: ignore[arg-type]
    return api.failure(f"{SERVICE}DecideComponents", request, actor=actor)


def test_component_that_a_person_adds_is_confirmed(api: Transport, ann: User, document: Document) -> None:
    request = CreateComponentRequest(
        document_id=str(document.pk),
        component={"page_number": 2, "designator": "=A1-KF3", "rating": {"raw": "4k7"}, "bbox": [1, 2, 30, 40]},
    )
    made = api(f"{SERVICE}CreateComponent", request, actor=ann).component
    assert (made.prefix, getattr(made, "class"), made.state) == ("KF", "unknown", CONFIRMED)
    assert (made.method, made.decided_by) == (drawing_pb2.COMPONENT_METHOD_MANUAL, str(ann.pk))
    assert (made.rating.raw, made.rating.value) == ("4k7", 4700)
    assert list(made.bbox) == [1, 2, 30, 40] and made.HasField("decided_at")


@pytest.mark.parametrize(
    ("component", "error"),
    [
        ({"bbox": []}, "bbox"), ({"bbox": [1, 2, 3]}, "bbox"), ({"bbox": [9, 9, 1, 1]}, "bbox"),
        ({"bbox": [9e9, 9e9, 9.1e9, 9.1e9]}, "bbox"),
        ({"bbox": [1, 1, 2, 2], "page_number": 7}, "page_number"),
        ({"bbox": [1, 1, 2, 2], "page_number": -1}, "page_number"),
        ({"bbox": [1, 1, 2, 2], "designator": "x" * 101}, "designator"),
        ({"bbox": [1, 1, 2, 2], "class": "x" * 51}, "class"),
        ({"bbox": [1, 1, 2, 2], "rating": {"raw": "x" * 101}}, "rating.raw"),
        ({"bbox": [1, 1, 2, 2], "designator": "K\n1"}, "designator"),
    ],
)  # fmt: skip
def test_invalid_component_is_refused(
    api: Transport, ann: User, document: Document, component: dict[str, object], error: str
) -> None:
    before = Component.objects.count()
    request = CreateComponentRequest(document_id=str(document.pk), component=component)  # type: ignore[arg-type]
    assert error in api.failure(f"{SERVICE}CreateComponent", request, actor=ann).fields
    assert Component.objects.count() == before


@pytest.mark.parametrize("side", [math.nan, math.inf])
def test_box_is_finite(side: float) -> None:
    with pytest.raises(ValidationError, match="four numbers"):
        Component(x0=0, y0=0, x1=side, y1=1).clean()
