from projects.models import Role, Status
from tandem.project.v1 import project_pb2
from tandem.project.v1.project_pb2 import CreateProjectRequest, UnarchiveProjectRequest
from tests.support.factories import ProjectFactory, ProjectMemberFactory
from tests.support.transports import Transport
from users.models import User

UNARCHIVE = "ProjectService/UnarchiveProject"


def an_archived_project(manager: User) -> UnarchiveProjectRequest:
    project = ProjectFactory(name="Hall 3", created_by=manager, status=Status.ARCHIVED)
    ProjectMemberFactory(project=project, user=manager, role=Role.MANAGER)
    return UnarchiveProjectRequest(project_id=str(project.pk))


def test_a_manager_unarchives_once(api: Transport, ann: User, bob: User) -> None:
    request = an_archived_project(ann)
    assert api.failure(UNARCHIVE, request, actor=bob).reason == "NOT_FOUND"
    answer = api.answer(UNARCHIVE, request, actor=ann)
    assert (answer.message.project.status, answer.version) == (project_pb2.PROJECT_STATUS_ACTIVE, 2)
    failed = api.failure(UNARCHIVE, request, actor=ann)
    assert (failed.reason, failed.message) == ("CONFLICT", "The project is not archived.")


def test_its_name_may_be_taken_by_now(api: Transport, ann: User) -> None:
    request = an_archived_project(ann)
    api("ProjectService/CreateProject", CreateProjectRequest(name="hall 3"), actor=ann)
    failed = api.failure(UNARCHIVE, request, actor=ann)
    assert (failed.reason, failed.message) == ("ALREADY_EXISTS", "Project with this name already exists")


def test_other_members_may_not(api: Transport, ann: User, bob: User) -> None:
    request = an_archived_project(ann)
    ProjectMemberFactory(project_id=request.project_id, project=None, user=bob, role=Role.EDITOR)
    assert api.failure(UNARCHIVE, request, actor=bob).reason == "FORBIDDEN"
