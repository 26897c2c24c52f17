import pytest

from projects.models import Project, Role
from tandem.project.v1 import project_pb2
from tandem.project.v1.project_pb2 import ArchiveProjectRequest
from tests.support.factories import ProjectMemberFactory
from tests.support.transports import Transport
from users.models import User

ARCHIVE = "ProjectService/ArchiveProject"


@pytest.fixture
def request_(ann: User) -> ArchiveProjectRequest:
    return ArchiveProjectRequest(project_id=str(ProjectMemberFactory(user=ann, role=Role.MANAGER).project_id))


def test_a_manager_archives_once(api: Transport, ann: User, request_: ArchiveProjectRequest) -> None:
    answer = api.answer(ARCHIVE, request_, actor=ann)
    archived = answer.message.project
    assert (archived.status, archived.version, answer.version) == (project_pb2.PROJECT_STATUS_ARCHIVED, 2, 2)
    assert archived.my_role == project_pb2.PROJECT_ROLE_MANAGER
    assert api.failure(ARCHIVE, request_, actor=ann).reason == "CONFLICT"


def test_others_may_not(api: Transport, ann: User, bob: User, request_: ArchiveProjectRequest) -> None:
    assert api.failure(ARCHIVE, request_, actor=bob).reason == "NOT_FOUND"
    ProjectMemberFactory(project_id=request_.project_id, project=None, user=bob, role=Role.EDITOR)
    assert api.failure(ARCHIVE, request_, actor=bob).reason == "FORBIDDEN"
    assert api.failure(ARCHIVE, request_, actor=ann, if_match='"3"').reason == "STALE"
    assert not Project.objects.get().is_archived


def test_a_repeated_key_archives_once(api: Transport, ann: User, request_: ArchiveProjectRequest) -> None:
    first = api(ARCHIVE, request_, actor=ann, idempotency_key="k")
    assert api(ARCHIVE, request_, actor=ann, idempotency_key="k") == first
