"""RecognizeImage: symbols in an uploaded picture."""

from collections.abc import Sequence

import pytest

from drawings.services import symbols_in_boxes
from tandem.drawing.v1.drawing_pb2 import RecognizeImageRequest
from tests.support.drawings import CHUNK_BYTES, project_of
from tests.support.symbols import a_picture
from tests.support.transports import Failed, Transport
from users.models import User

pytest.importorskip("onnxruntime", reason="no wheel of onnxruntime here")

OPERATION = "DrawingService/RecognizeImage"
NAMES = ("transistor", "relay_coil", "fuse")


def upload(content: bytes, boxes: Sequence[Sequence[float]] = (), **metadata: str) -> list[RecognizeImageRequest]:
    numbers = [number for box in boxes for number in box]
    return [
        RecognizeImageRequest(metadata={"bboxes": numbers, **metadata}),
        *(RecognizeImageRequest(chunk=content[at : at + CHUNK_BYTES]) for at in range(0, len(content), CHUNK_BYTES)),
    ]


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_symbols_of_a_picture_are_recognized(api: Transport, ann: User, kind: str) -> None:
    content, boxes = a_picture(NAMES, kind)
    asked = [*boxes[::-1], (-50, -50, -10, -10)]
    results = api(OPERATION, upload(content, asked), actor=ann).results
    assert [getattr(result, "class") for result in results] == [*NAMES[::-1], ""]
    assert [list(result.bbox) for result in results] == [pytest.approx(box) for box in asked]
    assert results[3].error == "The box lies outside of the page."


def test_without_boxes_the_whole_picture_is_one(api: Transport, ann: User) -> None:
    content, _ = a_picture(("lamp",))
    (result,) = api(OPERATION, upload(content), actor=ann).results
    assert (list(result.bbox), getattr(result, "class")) == ([0, 0, 140, 120], "lamp")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "UNSUPPORTED_MEDIA_TYPE"),
        (b"%PDF-1.7", "UNSUPPORTED_MEDIA_TYPE"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "INVALID"),
        (b"\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01" + bytes(20), "TOO_LARGE"),
    ],
)
def test_what_is_no_picture_is_refused(api: Transport, ann: User, content: bytes, reason: str) -> None:
    with pytest.raises(Failed) as failed:
        api(OPERATION, upload(content), actor=ann)
    assert failed.value.reason == reason


def test_a_file_over_the_limit_is_too_large(api: Transport, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbols_in_boxes, "MAX_BYTES", 2**20)
    with pytest.raises(Failed, match="TOO_LARGE"):
        api(OPERATION, upload(bytes(2**20 + 1)), actor=ann)


@pytest.mark.parametrize("numbers", [[1.0], [0.0] * 4 * 65])
def test_boxes_are_four_numbers_and_at_most_64(api: Transport, ann: User, numbers: list[float]) -> None:
    content, _ = a_picture(("lamp",))
    with pytest.raises(Failed) as failed:
        api(OPERATION, upload(content, [numbers]), actor=ann)
    assert (failed.value.reason, set(failed.value.fields)) == ("INVALID", {"bboxes"})


def test_a_project_of_others_is_not_found(api: Transport, ann: User, bob: User) -> None:
    content, _ = a_picture(("lamp",))
    project = project_of(bob)
    with pytest.raises(Failed, match="NOT_FOUND"):
        api(OPERATION, upload(content, project_id=str(project.pk)), actor=ann)
    assert api(OPERATION, upload(content, project_id=str(project.pk)), actor=bob).results
