"""ListPages, GetPage, ListWords, ListPaths: what a processed document holds."""

import pytest

from drawings.models import Document, Status
from projects.models import Role
from tandem.common.v1.common_pb2 import PaginationRequest
from tandem.drawing.v1 import drawing_pb2
from tandem.drawing.v1.drawing_pb2 import GetPageRequest, ListPagesRequest, ListPathsRequest, ListWordsRequest
from tests.support.drawings import a_document, member, processed, project_of
from tests.support.transports import Transport
from users.models import User

SERVICE = "DrawingService/"


@pytest.fixture
def document(ann: User) -> Document:
    return processed(a_document(project_of(ann), ann, ("-K12", "contactor"), ("-Q1", "16 A"), ()))


def test_document_is_read(api: Transport, ann: User, document: Document) -> None:
    assert (document.status, document.progress, document.page_count) == (Status.READY, 100, 3)
    assert document.metadata["Title"] == "Cabinet"
    listed = api(f"{SERVICE}ListPages", ListPagesRequest(document_id=str(document.pk)), actor=ann)
    assert [page.page_number for page in listed.pages] == [0, 1, 2]
    assert listed.pagination.total_count == 3
    first = listed.pages[0]
    assert (first.width, first.height, list(first.bbox)) == (842, 595, [0, 0, 842, 595])
    assert (first.kind, first.text, first.image_count) == (drawing_pb2.PAGE_KIND_VECTOR_TEXT, "", 0)
    page = api(f"{SERVICE}GetPage", GetPageRequest(document_id=str(document.pk), page_number=1), actor=ann).page
    assert page.text.split() == ["-Q1", "16", "A"]
    assert page.drawing_count == 1


def test_words_have_their_positions(api: Transport, ann: User, document: Document) -> None:
    def words(**fields: object) -> drawing_pb2.ListWordsResponse:
        request = ListWordsRequest(document_id=str(document.pk), page_number=1, **fields)  # type: ignore[arg-type]
        return api(f"{SERVICE}ListWords", request, actor=ann)  # type: ignore[no-any-return]

    everything = words()
    assert [word.text for word in everything.words] == ["-Q1", "16", "A"]
    x0, y0, _, y1 = everything.words[0].bbox
    assert x0 == pytest.approx(50, abs=1.5)
    assert y0 < 50 + 1 < y1 + 3
    assert [word.text for word in words(bbox=[0, 0, 842, 55]).words] == ["-Q1"]
    assert not words(bbox=[600, 400, 700, 500]).words
    part = words(pagination=PaginationRequest(page_size=2))
    assert ([word.text for word in part.words], part.pagination.total_count) == (["-Q1", "16"], 3)
    token = part.pagination.next_page_token
    rest = words(pagination=PaginationRequest(page_size=2, page_token=token))
    assert ([word.text for word in rest.words], rest.pagination.has_more) == (["A"], False)


def test_paths_have_their_pieces(api: Transport, ann: User, document: Document) -> None:
    request = ListPathsRequest(document_id=str(document.pk), page_number=0, bbox=[90, 290, 130, 330])
    (path,) = api(f"{SERVICE}ListPaths", request, actor=ann).paths
    assert list(path.bbox) == pytest.approx([100, 300, 120, 320], abs=0.01)
    assert (path.stroked, path.filled, path.stroke_color, path.stroke_width) == (True, False, "#000000", 1)
    assert len(path.segments) == 16
    request = ListPathsRequest(document_id=str(document.pk), page_number=0, bbox=[0, 0, 10, 10])
    assert not api(f"{SERVICE}ListPaths", request, actor=ann).paths


@pytest.mark.parametrize(
    "bbox", [[1], [0, 0, 1], [10, 0, 5, 5], [0, 10, 5, 5], [0, 0, float("inf"), 1], [0, 0, 1, 1, 2]]
)
def test_malformed_rectangle(api: Transport, ann: User, document: Document, bbox: list[float]) -> None:
    request = ListWordsRequest(document_id=str(document.pk), bbox=bbox)
    failed = api.failure(f"{SERVICE}ListWords", request, actor=ann)
    assert (failed.reason, failed.violations[0][0].partition(".")[0]) == ("INVALID", "bbox")


def test_page_size_and_token_of_words_are_checked(api: Transport, ann: User, document: Document) -> None:
    for wrong, field in (
        (PaginationRequest(page_size=-1), "page_size"),
        (PaginationRequest(page_token="x"), "page_token"),
    ):
        request = ListWordsRequest(document_id=str(document.pk), pagination=wrong)
        assert api.failure(f"{SERVICE}ListWords", request, actor=ann).violations[0][0] == field


def test_pages_are_seen_by_members(api: Transport, ann: User, bob: User, document: Document) -> None:
    viewer = member(document.project, Role.VIEWER)
    for rpc, request in (
        ("ListPages", ListPagesRequest(document_id=str(document.pk))),
        ("GetPage", GetPageRequest(document_id=str(document.pk))),
        ("ListWords", ListWordsRequest(document_id=str(document.pk))),
        ("ListPaths", ListPathsRequest(document_id=str(document.pk))),
    ):
        api(SERVICE + rpc, request, actor=viewer)
        assert api.failure(SERVICE + rpc, request, actor=bob).reason == "NOT_FOUND"


@pytest.mark.parametrize("number", [3, -1, 2**31 - 1])
def test_unknown_page(api: Transport, ann: User, document: Document, number: int) -> None:
    request = GetPageRequest(document_id=str(document.pk), page_number=number)
    assert api.failure(f"{SERVICE}GetPage", request, actor=ann).reason == "NOT_FOUND"
