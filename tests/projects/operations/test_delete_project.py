import pytest

from projects.models import Project, ProjectMember, Role, Status
from tandem.project.v1.project_pb2 import CreateProjectRequest, DeleteProjectRequest
from tests.support.factories import ProjectFactory, ProjectMemberFactory
from tests.support.transports import Transport
from users.models import User

DELETE = "ProjectService/DeleteProject"


def test_an_empty_project_goes_with_its_members(api: Transport, ann: User, bob: User) -> None:
    project = ProjectMemberFactory(user=ann, role=Role.MANAGER).project
    ProjectMemberFactory(project=project, user=bob)
    kept = ProjectMemberFactory(user=bob)
    api(DELETE, DeleteProjectRequest(project_id=str(project.pk)), actor=ann)
    assert list(Project.objects.all()) == [kept.project]
    assert list(ProjectMember.objects.all()) == [kept]


def test_only_managers_and_administrators_may(api: Transport, ann: User, bob: User, administrator: User) -> None:
    project = ProjectMemberFactory(user=ann, role=Role.EDITOR).project
    request = DeleteProjectRequest(project_id=str(project.pk), force=True)
    assert api.failure(DELETE, request, actor=bob).reason == "NOT_FOUND"
    assert api.failure(DELETE, request, actor=ann).reason == "FORBIDDEN"
    api(DELETE, request, actor=administrator)
    assert not Project.objects.exists()


@pytest.mark.parametrize("force", [False, True])
def test_an_archived_project_stays(api: Transport, ann: User, force: bool) -> None:
    project = ProjectMemberFactory(user=ann, role=Role.MANAGER, project__status=Status.ARCHIVED).project
    request = DeleteProjectRequest(project_id=str(project.pk), force=force)
    assert api.failure(DELETE, request, actor=ann).reason == "CONFLICT"


def test_another_version_stays(api: Transport, ann: User) -> None:
    project = ProjectMemberFactory(user=ann, role=Role.MANAGER).project
    request = DeleteProjectRequest(project_id=str(project.pk))
    assert api.failure(DELETE, request, actor=ann, if_match='"2"').reason == "STALE"
    api(DELETE, request, actor=ann, if_match='"1"')
    assert api.failure(DELETE, request, actor=ann).reason == "NOT_FOUND"


def test_kept_answers_go_with_it(api: Transport, ann: User) -> None:
    request = CreateProjectRequest(name="T")
    made = api("ProjectService/CreateProject", request, actor=ann, idempotency_key="k").project
    api(DELETE, DeleteProjectRequest(project_id=made.id), actor=ann)
    assert api.failure("ProjectService/CreateProject", request, actor=ann, idempotency_key="k").reason == "NOT_FOUND"


def test_its_name_is_free_again(api: Transport, ann: User) -> None:
    project = ProjectMemberFactory(
        user=ann, role=Role.MANAGER, project=ProjectFactory(name="T", created_by=ann)
    ).project
    api(DELETE, DeleteProjectRequest(project_id=str(project.pk)), actor=ann)
    api("ProjectService/CreateProject", CreateProjectRequest(name="T"), actor=ann)
