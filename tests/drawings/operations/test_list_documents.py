import pytest

from drawings.models import PageContent, Status
from tandem.common.v1.common_pb2 import PaginationRequest
from tandem.drawing.v1 import drawing_pb2
from tests.support.drawings import project_of
from tests.support.factories import DocumentFactory, PageFactory
from tests.support.transports import Transport
from users.models import User

SERVICE = "DrawingService/"


def titles(api: Transport, actor: User, project: object, **fields: object) -> list[str]:
    request = drawing_pb2.ListDocumentsRequest(project_id=str(project.pk), **fields)  # type: ignore[attr-defined, arg-type]
    return [document.title for document in api(f"{SERVICE}ListDocuments", request, actor=actor).documents]


def test_documents_of_a_project_are_listed_newest_first(api: Transport, ann: User) -> None:
    project = project_of(ann)
    for title in ("First", "Second", "Third"):
        DocumentFactory(project=project, title=title)
    DocumentFactory(project=project_of(ann))
    assert titles(api, ann, project) == ["Third", "Second", "First"]
    first = drawing_pb2.ListDocumentsRequest(project_id=str(project.pk), pagination=PaginationRequest(page_size=2))
    page = api(f"{SERVICE}ListDocuments", first, actor=ann)
    assert (len(page.documents), page.pagination.total_count) == (2, 3)
    token = PaginationRequest(page_size=2, page_token=page.pagination.next_page_token)
    assert titles(api, ann, project, pagination=token) == ["First"]


def test_status_and_words_restrict_the_list(api: Transport, ann: User) -> None:
    project = project_of(ann)
    DocumentFactory(project=project, title="Ground floor", status=Status.FAILED)
    page = PageFactory(document__project=project, document__title="Basement")
    PageContent.objects.create(page=page, distinct_words="-K12 contactor", words=b"", paths=b"")
    assert titles(api, ann, project, statuses=[Status.FAILED]) == ["Ground floor"]
    assert titles(api, ann, project, query="flo") == ["Ground floor"]
    assert titles(api, ann, project, query="k12 cont") == ["Basement"]
    assert titles(api, ann, project, query="k12", statuses=[Status.FAILED]) == []
    assert titles(api, ann, project, query="ground k12") == []


@pytest.mark.parametrize(("fields", "field"), [({"statuses": [99]}, "statuses.0"), ({"query": "x" * 201}, "query")])
def test_bad_filters_are_named(api: Transport, ann: User, fields: dict[str, object], field: str) -> None:
    request = drawing_pb2.ListDocumentsRequest(project_id=str(project_of(ann).pk), **fields)  # type: ignore[arg-type]
    failed = api.failure(f"{SERVICE}ListDocuments", request, actor=ann)
    assert failed.violations[0][0].partition(".")[0] == field.partition(".")[0]


def test_strangers_see_no_list(api: Transport, ann: User, bob: User) -> None:
    request = drawing_pb2.ListDocumentsRequest(project_id=str(project_of(ann).pk))
    assert api.failure(f"{SERVICE}ListDocuments", request, actor=bob).reason == "NOT_FOUND"
