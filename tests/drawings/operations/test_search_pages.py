import pytest

from drawings.models import Document
from tandem.common.v1.common_pb2 import PaginationRequest
from tandem.drawing.v1 import drawing_pb2
from tests.support.drawings import a_document, processed, project_of
from tests.support.transports import Transport
from users.models import User

SERVICE = "DrawingService/"


def search(api: Transport, actor: User, query: str, **fields: object) -> drawing_pb2.SearchPagesResponse:
    request = drawing_pb2.SearchPagesRequest(query=query, **fields)  # type: ignore[arg-type]
    return api(f"{SERVICE}SearchPages", request, actor=actor)  # type: ignore[no-any-return]


def test_words_are_found_with_their_places(api: Transport, ann: User, bob: User, document: Document) -> None:
    (match,) = search(api, ann, "k1").matches
    assert (match.document_id, match.page_number, match.document_title) == (str(document.pk), 0, "cabinet.pdf")
    assert ([word.text for word in match.words], match.word_count) == (["-K12"], 1)
    assert match.words[0].bbox[0] == pytest.approx(50, abs=1.5)
    assert [match.page_number for match in search(api, ann, "16 q1").matches] == [1]
    assert not search(api, ann, "k12 q1").matches, "no page has both"
    assert not search(api, bob, "k1").matches


def test_search_is_restricted_to_a_project_or_a_document(api: Transport, ann: User, document: Document) -> None:
    other = processed(a_document(project_of(ann), ann, ("-K12", "relay")))
    assert len(search(api, ann, "k12").matches) == 2
    assert [m.document_id for m in search(api, ann, "k12", project_id=str(other.project_id)).matches] == [str(other.pk)]
    assert [m.document_id for m in search(api, ann, "k12", document_id=str(document.pk)).matches] == [str(document.pk)]
    first = search(api, ann, "k12", pagination=PaginationRequest(page_size=1))
    token = PaginationRequest(page_size=1, page_token=first.pagination.next_page_token)
    assert [m.document_id for m in search(api, ann, "k12", pagination=token).matches] == [str(other.pk)]


def test_words_beyond_ascii_are_found(api: Transport, ann: User) -> None:
    processed(a_document(project_of(ann), ann, ("Küche", "Straße")))
    assert [word.text for word in search(api, ann, "kuche").matches[0].words] == ["Küche"]
    assert [word.text for word in search(api, ann, "STRASSE").matches[0].words] == ["Straße"]


@pytest.mark.parametrize("query", ["", "  ", "x" * 201, "a\0b"])
def test_bad_query_is_named(api: Transport, ann: User, query: str) -> None:
    request = drawing_pb2.SearchPagesRequest(query=query)
    failed = api.failure(f"{SERVICE}SearchPages", request, actor=ann)
    assert (failed.reason, failed.violations[0][0]) == ("INVALID", "query")


def test_query_without_a_word_finds_nothing(api: Transport, ann: User, document: Document) -> None:
    assert not search(api, ann, "--").matches


def test_unknown_project_or_document(api: Transport, bob: User, document: Document) -> None:
    for named in ({"project_id": str(document.project_id)}, {"document_id": str(document.pk)}):
        request = drawing_pb2.SearchPagesRequest(query="k", **named)  # type: ignore[arg-type]
        assert api.failure(f"{SERVICE}SearchPages", request, actor=bob).reason == "NOT_FOUND"
