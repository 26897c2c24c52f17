"""RecognizeComponents: one result for each box of a page, in order."""

from collections.abc import Sequence

import pytest

from drawings.models import Document, Page
from projects.models import Project
from tandem.drawing.v1 import drawing_pb2
from tandem.drawing.v1.drawing_pb2 import RecognizeComponentsRequest
from tests.support.drawings import a_document, member, processed, project_of
from tests.support.symbols import a_scan, a_sheet
from tests.support.transports import Failed, Transport
from users.models import User

pytest.importorskip("onnxruntime", reason="no wheel of onnxruntime here")

OPERATION = "DrawingService/RecognizeComponents"
NAMES = ("transistor", "lamp", "relay_coil")


@pytest.fixture
def project(ann: User) -> Project:
    return project_of(ann)


def request(document: Document, boxes: Sequence[Sequence[float]], page: int = 0) -> RecognizeComponentsRequest:
    return RecognizeComponentsRequest(
        document_id=str(document.pk), page_number=page, boxes=[{"bbox": box} for box in boxes]
    )


def test_symbols_are_recognized_in_the_order_of_their_boxes(api: Transport, ann: User, project: Project) -> None:
    content, boxes = a_sheet(NAMES)
    document = processed(a_document(project, ann, content=content))
    asked = [boxes[2], boxes[0], boxes[1]]
    results = api(OPERATION, request(document, asked), actor=ann).results
    assert [list(result.bbox) for result in results] == [pytest.approx(box) for box in asked]
    assert [getattr(result, "class") for result in results] == ["relay_coil", "transistor", "lamp"]
    assert {result.method for result in results} == {drawing_pb2.COMPONENT_METHOD_CLASSIFIER}
    assert all(0.5 < result.confidence <= 1 and not result.error for result in results)


def test_a_box_that_fails_has_its_error_and_the_others_return(api: Transport, ann: User, project: Project) -> None:
    content, boxes = a_sheet(NAMES)
    document = processed(a_document(project, ann, content=content))
    asked = [
        (5000, 0, 5010, 10),
        (1, 2, 3),
        (30, 20, 10, 40),
        (),
        (700, 500, 800, 590),
        boxes[1],
    ]
    results = api(OPERATION, request(document, asked), actor=ann).results
    assert [result.error for result in results] == [
        "The box lies outside of the page.",
        *["The box must have an area: x0 below x1, and y0 below y1."] * 3,
        "Nothing is drawn in the box.",
        "",
    ]
    assert [getattr(result, "class") for result in results] == ["", "", "", "", "", "lamp"]
    assert results[0].method == drawing_pb2.COMPONENT_METHOD_UNSPECIFIED


def test_symbols_of_the_project_have_precedence(api: Transport, ann: User, project: Project) -> None:
    content, boxes = a_sheet(NAMES)
    document = processed(a_document(project, ann, content=content))
    symbol = drawing_pb2.Symbol(name="Beacon", document_id=str(document.pk), page_number=0, bbox=boxes[1])
    made = api(
        "DrawingService/CreateSymbol",
        drawing_pb2.CreateSymbolRequest(project_id=str(project.pk), symbol=symbol),
        actor=ann,
    ).symbol
    other = processed(a_document(project, ann, content=a_sheet(("lamp", "transistor"))[0]))
    results = api(OPERATION, request(other, a_sheet(("lamp", "transistor"))[1]), actor=ann).results
    assert [(getattr(result, "class"), result.symbol_id) for result in results] == [
        ("Beacon", made.id), ("transistor", ""),
    ]  # fmt: skip
    assert results[0].method == drawing_pb2.COMPONENT_METHOD_VECTOR


def test_symbols_of_a_scan_are_recognized_by_its_image(api: Transport, ann: User, project: Project) -> None:
    content, boxes = a_scan(NAMES)
    document = processed(a_document(project, ann, content=content))
    results = api(OPERATION, request(document, boxes), actor=ann).results
    assert [getattr(result, "class") for result in results] == list(NAMES)


@pytest.mark.parametrize(("count", "sentence"), [(0, "Give 1 to 64 boxes."), (65, "Give at most 64 boxes.")])
def test_number_of_boxes_is_limited(api: Transport, ann: User, project: Project, count: int, sentence: str) -> None:
    document = processed(a_document(project, ann))
    with pytest.raises(Failed) as failed:
        api(OPERATION, request(document, [(0, 0, 10, 10)] * count), actor=ann)
    assert (failed.value.reason, failed.value.messages) == ("INVALID", {"boxes": sentence})


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_numbers_are_finite(api: Transport, ann: User, project: Project, number: float) -> None:
    document = processed(a_document(project, ann))
    with pytest.raises(Failed) as failed:
        api(OPERATION, request(document, [(0, 0, 9, 9), (0, 0, 9, number)]), actor=ann)
    assert failed.value.fields == {"boxes.1.bbox.3": "type"}


@pytest.mark.parametrize("page", [1, -1, 2**31 - 1])
def test_unknown_page_is_not_found(api: Transport, ann: User, project: Project, page: int) -> None:
    document = processed(a_document(project, ann))
    with pytest.raises(Failed, match="NOT_FOUND"):
        api(OPERATION, request(document, [(0, 0, 10, 10)], page), actor=ann)


def test_a_document_of_others_is_not_found_and_a_reader_may_recognize(
    api: Transport, ann: User, bob: User, project: Project
) -> None:
    document = processed(a_document(project, ann))
    asked = request(document, [(90, 290, 130, 330)])
    with pytest.raises(Failed, match="NOT_FOUND"):
        api(OPERATION, asked, actor=bob)
    member(project, 1, bob)
    assert len(api(OPERATION, asked, actor=bob).results) == 1


def test_a_page_that_could_not_be_read_is_a_conflict(api: Transport, ann: User, project: Project) -> None:
    document = processed(a_document(project, ann))
    Page.objects.filter(document=document).update(failure_reason="The page is damaged.")
    with pytest.raises(Failed, match="CONFLICT"):
        api(OPERATION, request(document, [(0, 0, 10, 10)]), actor=ann)
