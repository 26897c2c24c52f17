from uuid import uuid4

import pytest

from projects.models import Role, Status
from tandem.project.v1 import project_pb2
from tandem.project.v1.project_pb2 import GetProjectRequest
from tests.support.factories import ProjectFactory, ProjectMemberFactory
from tests.support.transports import Transport
from users.models import User

GET = "ProjectService/GetProject"


@pytest.mark.parametrize("role", Role)
def test_each_member_sees_their_role(api: Transport, ann: User, role: Role) -> None:
    project = ProjectMemberFactory(user=ann, role=role, project__status=Status.ARCHIVED).project
    answer = api.answer(GET, GetProjectRequest(project_id=str(project.pk)), actor=ann)
    assert (answer.message.project.my_role, answer.version) == (role, 1)
    assert answer.message.project.status == project_pb2.PROJECT_STATUS_ARCHIVED


def test_administrators_see_all_without_a_role(api: Transport, administrator: User) -> None:
    found = api(GET, GetProjectRequest(project_id=str(ProjectFactory().pk)), actor=administrator).project
    assert found.my_role == project_pb2.PROJECT_ROLE_UNSPECIFIED


def test_others_find_nothing(api: Transport, ann: User, administrator: User) -> None:
    ProjectMemberFactory(user=ann)
    hidden = ProjectFactory(created_by=ann)
    for actor, wanted in ((ann, hidden.pk), (ann, uuid4()), (administrator, "x" * 300), (administrator, uuid4())):
        assert api.failure(GET, GetProjectRequest(project_id=str(wanted)), actor=actor).reason == "NOT_FOUND"
