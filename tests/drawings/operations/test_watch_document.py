"""WatchDocument: the initial state, live events, and the end of the stream."""

import pytest

from drawings.models import Document, Page, Status
from projects.models import ProjectMember, Role
from tandem.drawing.v1 import drawing_pb2
from tandem.drawing.v1.drawing_pb2 import WatchDocumentRequest
from tests.support.drawings import a_document, member, processed, project_of
from tests.support.factories import DocumentFactory, PageFactory, ProjectFactory
from tests.support.transports import Failed, Transport, Watched
from users.models import User

WATCH = "DrawingService/WatchDocument"


@pytest.fixture
def document(transactional_db: None, ann: User) -> Document:
    """Ann's, being processed."""
    project = ProjectFactory()
    member(project, Role.VIEWER, ann)
    document: Document = DocumentFactory(project=project, status=Status.PROCESSING)
    return document


def watch(api: Transport, document: Document, actor: User, **fields: object) -> Watched:
    request = WatchDocumentRequest(document_id=str(document.pk), **fields)  # type: ignore[arg-type]
    return api.watch(WATCH, request, actor=actor)


def kinds(events: list[drawing_pb2.WatchDocumentResponse]) -> list[str]:
    return [event.WhichOneof("event") or "bookmark" for event in events]


def test_initial_state_precedes_events(watching: Transport, document: Document, ann: User) -> None:
    for number in (1, 0):
        PageFactory(document=document, number=number, sheet_title=f"Sheet {number}")
    PageFactory()  # Of another document.
    with watch(watching, document, ann, bookmarks=True) as watched:
        initial = watched.take(4)
        assert kinds(initial) == ["status", "page", "page", "bookmark"]
        assert [event.page.sheet_title for event in initial[1:3]] == ["Sheet 0", "Sheet 1"]
        assert [bool(event.cursor) for event in initial] == [False] * 3 + [True]
        page = PageFactory(document=document, number=2)
        created = watched.next()
        assert (created.page.id, created.page.page_number, created.deleted) == (str(page.pk), 2, False)
        Document.objects.filter(pk=document.pk).update(progress=40)
        progress = watched.next()
        assert (kinds([progress]), progress.progress.progress) == (["progress"], 40)
        Page.objects.filter(pk=page.pk).delete()
        deleted = watched.next()
        assert (deleted.page.id, deleted.page.page_number, deleted.deleted) == (str(page.pk), 2, True)
        Document.objects.filter(pk=document.pk).update(status=Status.READY)
        assert kinds(watched.take(2)) == ["status", "end"]


def test_whole_processing_is_seen_and_resumed(watching: Transport, transactional_db: None, ann: User) -> None:
    document = a_document(project_of(ann), ann, ("A",), ("B",))
    with watch(watching, document, ann) as watched:
        assert kinds([watched.next()]) == ["status"]
        processed(document)
        seen = [watched.next()]
        while kinds(seen)[-1] != "end":
            seen.append(watched.next())
    assert kinds(seen).count("page") == 2
    assert seen[-1].end.status == drawing_pb2.DOCUMENT_STATUS_READY
    first_page = next(event for event in seen if event.HasField("page"))
    with watch(watching, document, ann, cursor=first_page.cursor) as watched:
        rest = [watched.next()]
        while kinds(rest)[-1] != "end":
            rest.append(watched.next())
    assert kinds(rest).count("page") == 1


def test_removed_member_sees_no_more(watching: Transport, document: Document, ann: User, bob: User) -> None:
    with pytest.raises(Failed) as failed, watch(watching, document, bob) as watched:
        watched.next()
    assert failed.value.reason == "NOT_FOUND"
    with watch(watching, document, ann) as watched:
        watched.next()
        ProjectMember.objects.all().delete()
        with pytest.raises(Failed) as failed:
            while True:
                watched.next()
    assert failed.value.reason == "NOT_FOUND"


def test_deletion_ends_the_stream(watching: Transport, document: Document, ann: User) -> None:
    with watch(watching, document, ann) as watched:
        watched.next()
        Document.objects.all().delete()
        with pytest.raises(Failed) as failed:
            while True:
                watched.next()
    assert failed.value.reason == "NOT_FOUND"
