from projects.models import Role
from tandem.common.v1.common_pb2 import PaginationRequest
from tandem.project.v1.project_pb2 import ListMembersRequest
from tests.support.factories import ProjectMemberFactory
from tests.support.transports import Transport
from users.models import User

LIST = "ProjectService/ListMembers"


def test_members_in_the_order_in_which_they_were_added(api: Transport, ann: User, administrator: User) -> None:
    project = ProjectMemberFactory(user=ann).project
    added = [str(ann.pk), *(str(ProjectMemberFactory(project=project, role=Role.EDITOR).user_id) for _ in range(4))]
    ProjectMemberFactory()
    for actor in (ann, administrator):
        found, token = [], ""
        while True:
            page = PaginationRequest(page_size=2, page_token=token)
            answer = api(LIST, ListMembersRequest(project_id=str(project.pk), pagination=page), actor=actor)
            assert answer.pagination.total_count == 5
            found += [member.user_id for member in answer.members]
            if not (token := answer.pagination.next_page_token):
                break
        assert found == added


def test_of_a_project_that_the_caller_sees(api: Transport, ann: User, bob: User) -> None:
    project = ProjectMemberFactory(user=ann).project
    for wanted, actor in ((str(project.pk), bob), ("x", ann)):
        assert api.failure(LIST, ListMembersRequest(project_id=wanted), actor=actor).reason == "NOT_FOUND"


def test_a_token_is_good_for_one_project(api: Transport, ann: User) -> None:
    one, other = (ProjectMemberFactory(user=ann).project for _ in range(2))
    ProjectMemberFactory(project=one)
    request = ListMembersRequest(project_id=str(one.pk), pagination=PaginationRequest(page_size=1))
    token = api(LIST, request, actor=ann).pagination.next_page_token
    request = ListMembersRequest(project_id=str(other.pk), pagination=PaginationRequest(page_token=token))
    assert api.failure(LIST, request, actor=ann).fields == {"page_token": "invalid"}
