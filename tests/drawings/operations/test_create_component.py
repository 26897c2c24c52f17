"""CreateComponent: what a person sees on a page."""

import math

import pytest
from django.core.exceptions import ValidationError

from drawings.models import Component, Document
from tandem.drawing.v1 import drawing_pb2
from tandem.drawing.v1.drawing_pb2 import (
    CreateComponentRequest,
)
from tests.support.components import CONFIRMED, SERVICE
from tests.support.transports import Transport
from users.models import User


def test_component_that_a_person_adds_is_confirmed(api: Transport, ann: User, labelled: Document) -> None:
    request = CreateComponentRequest(
        document_id=str(labelled.pk),
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
    api: Transport, ann: User, labelled: Document, component: dict[str, object], error: str
) -> None:
    before = Component.objects.count()
    request = CreateComponentRequest(document_id=str(labelled.pk), component=component)  # type: ignore[arg-type]
    assert error in api.failure(f"{SERVICE}CreateComponent", request, actor=ann).fields
    assert Component.objects.count() == before


@pytest.mark.parametrize("side", [math.nan, math.inf])
def test_box_is_finite(side: float) -> None:
    with pytest.raises(ValidationError, match="four numbers"):
        Component(x0=0, y0=0, x1=side, y1=1).clean()
