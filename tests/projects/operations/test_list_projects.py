from datetime import UTC, datetime, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from projects.models import Project, Role, Status
from tandem.common.v1.common_pb2 import PaginationRequest
from tandem.project.v1 import project_pb2
from tandem.project.v1.project_pb2 import ListProjectsRequest, ListProjectsResponse
from tests.support.factories import ProjectFactory, ProjectMemberFactory
from tests.support.transports import Transport
from users.models import User

LIST = "ProjectService/ListProjects"
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)


def names(answer: ListProjectsResponse) -> list[str]:
    return [project.name for project in answer.projects]


def a_project(hour: int, *members: User, **fields: object) -> Project:
    project = ProjectFactory(name=f"P{hour}", updated_at=BEGIN + timedelta(hours=hour), **fields)
    for user in members:
        ProjectMemberFactory(project=project, user=user, role=Role.EDITOR)
    return project


def test_members_see_theirs_and_administrators_all(api: Transport, ann: User, bob: User, administrator: User) -> None:
    a_project(1, ann, bob)
    a_project(3, ann)
    a_project(2, bob)
    seen = {actor: names(api(LIST, ListProjectsRequest(), actor=actor)) for actor in (ann, bob, administrator)}
    assert seen == {ann: ["P3", "P1"], bob: ["P2", "P1"], administrator: ["P3", "P2", "P1"]}


def test_each_with_the_role_of_the_caller(api: Transport, ann: User, administrator: User) -> None:
    ProjectMemberFactory(project=a_project(1), user=ann, role=Role.MANAGER)
    a_project(2, ann, administrator)
    roles = {
        actor: [project.my_role for project in api(LIST, ListProjectsRequest(), actor=actor).projects]
        for actor in (ann, administrator)
    }
    assert roles == {ann: [Role.EDITOR, Role.MANAGER], administrator: [Role.EDITOR, 0]}


def test_list_continues_page_by_page(api: Transport, ann: User, administrator: User) -> None:
    for number in range(5):
        a_project(number, ann)
    for actor in (ann, administrator):
        found, token = [], ""
        while True:
            request = ListProjectsRequest(pagination=PaginationRequest(page_size=2, page_token=token))
            answer = api(LIST, request, actor=actor)
            assert answer.pagination.total_count == 5
            found += names(answer)
            if not (token := answer.pagination.next_page_token):
                break
        assert found == ["P4", "P3", "P2", "P1", "P0"]


def test_filters_narrow(api: Transport, ann: User, administrator: User) -> None:
    a_project(1, ann, number="2030-17", client="Example Works")
    a_project(2, ann, status=Status.ARCHIVED, client="Mill")
    for actor in (ann, administrator):
        for request, expected in (
            (ListProjectsRequest(query="exam work"), ["P1"]),
            (ListProjectsRequest(query="2030"), ["P1"]),
            (ListProjectsRequest(query="p"), ["P2", "P1"]),
            (ListProjectsRequest(query="none"), []),
            (ListProjectsRequest(statuses=[project_pb2.PROJECT_STATUS_ARCHIVED]), ["P2"]),
            (ListProjectsRequest(statuses=[project_pb2.PROJECT_STATUS_ACTIVE], query="mill"), []),
        ):
            assert names(api(LIST, request, actor=actor)) == expected


def test_bad_requests(api: Transport, ann: User, bob: User) -> None:
    for number in range(2):
        a_project(number, ann, bob)
    first = api(LIST, ListProjectsRequest(pagination=PaginationRequest(page_size=1)), actor=ann).pagination
    further = PaginationRequest(page_token=first.next_page_token)
    for actor, request, field in (
        (ann, ListProjectsRequest(statuses=[0]), "statuses.0"),  # type: ignore[list-item]
        (ann, ListProjectsRequest(query="x" * 201), "query"),
        (ann, ListProjectsRequest(query="a\0b"), "query"),
        (ann, ListProjectsRequest(pagination=PaginationRequest(page_size=-1)), "page_size"),
        (ann, ListProjectsRequest(pagination=further, query="p"), "page_token"),
        (bob, ListProjectsRequest(pagination=further), "page_token"),
    ):
        failed = api.failure(LIST, request, actor=actor)
        assert (failed.reason, list(failed.fields)) == ("INVALID", [field])


def test_a_page_costs_the_same_for_any_number_of_projects(api: Transport, ann: User) -> None:
    counts = []
    for more in (1, 30):
        for _ in range(more):
            ProjectMemberFactory(user=ann)
        api(LIST, ListProjectsRequest(), actor=ann)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            api(LIST, ListProjectsRequest(), actor=ann)
        counts.append(len(queries))
    assert counts[0] == counts[1]
