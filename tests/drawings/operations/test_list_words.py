"""ListWords: words with their positions."""

import pytest

from drawings.models import Document
from projects.models import Role
from tandem.common.v1.common_pb2 import PaginationRequest
from tandem.drawing.v1 import drawing_pb2
from tandem.drawing.v1.drawing_pb2 import ListWordsRequest
from tests.support.drawings import member
from tests.support.transports import Transport
from users.models import User

SERVICE = "DrawingService/"


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


def test_members_see_it(api: Transport, ann: User, bob: User, document: Document) -> None:
    viewer = member(document.project, Role.VIEWER)
    request = ListWordsRequest(document_id=str(document.pk))
    api(f"{SERVICE}ListWords", request, actor=viewer)
    assert api.failure(f"{SERVICE}ListWords", request, actor=bob).reason == "NOT_FOUND"
