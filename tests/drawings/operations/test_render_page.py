import pytest

from drawings.models import Document
from drawings.services.files import DOCUMENTS
from tandem.drawing.v1 import drawing_pb2
from tests.support.drawings import project_of
from tests.support.factories import PageFactory
from tests.support.transports import Failed, Transport
from users.models import User

SERVICE = "DrawingService/"


def render(api: Transport, actor: User, document: Document, **fields: object) -> tuple[drawing_pb2.PageImage, bytes]:
    request = drawing_pb2.RenderPageRequest(document_id=str(document.pk), **fields)  # type: ignore[arg-type]
    first, *chunks = api(f"{SERVICE}RenderPage", request, actor=actor)
    return first.metadata, b"".join(part.chunk for part in chunks)


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n")
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


def test_image_of_a_page(api: Transport, ann: User, document: Document) -> None:
    metadata, png = render(api, ann, document, page_number=1, dpi=72)
    assert (metadata.filename, metadata.content_type, metadata.size) == ("cabinet-2.png", "image/png", len(png))
    assert size_of(png) == (842, 595)
    assert size_of(render(api, ann, document, dpi=72, bbox=[100, 300, 120, 320])[1]) == (20, 20)
    _, rest = render(api, ann, document, page_number=1, dpi=72, offset=10)
    assert rest == png[10:]


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"dpi": 201}, "dpi"), ({"dpi": 9}, "dpi"), ({"dpi": -1}, "dpi"), ({"bbox": [900, 0, 950, 10]}, "bbox"),
     ({"bbox": [1, 1, 1, 1]}, "bbox")],
)  # fmt: skip
def test_bad_arguments_are_named(
    api: Transport, ann: User, document: Document, fields: dict[str, object], field: str
) -> None:
    with pytest.raises(Failed) as failed:
        render(api, ann, document, **fields)
    assert failed.value.violations[0][0] == field


def test_missing_file_and_page(api: Transport, ann: User, bob: User, document: Document) -> None:
    with pytest.raises(Failed) as failed:
        render(api, ann, document, page_number=7)
    assert failed.value.reason == "NOT_FOUND"
    with pytest.raises(Failed) as failed:
        render(api, bob, document)
    assert failed.value.reason == "NOT_FOUND"
    DOCUMENTS.storage.delete(document.file)
    with pytest.raises(Failed) as failed:
        render(api, ann, document)
    assert failed.value.reason == "NOT_FOUND"


def test_image_is_rendered_once(api: Transport, ann: User, document: Document) -> None:
    first = render(api, ann, document, dpi=30)
    DOCUMENTS.storage.delete(document.file)
    assert render(api, ann, document, dpi=30) == first, "it comes from the cache"


def test_page_that_could_not_be_read_has_no_image(api: Transport, ann: User) -> None:
    page = PageFactory(document__project=project_of(ann), failure_reason="The page is damaged.")
    with pytest.raises(Failed) as failed:
        render(api, ann, page.document)
    assert failed.value.reason == "CONFLICT"
