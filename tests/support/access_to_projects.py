"""The rows of projects in the table of `tests/contract/test_access.py`."""

from typing import Any

from projects.models import Role
from tandem.project.v1 import project_pb2
from tests.support.access import OWN_PROJECT, SIGNED_IN, Row
from tests.support.factories import ProjectMemberFactory, UserFactory
from users.models import User


def a_project(user: User, **fields: Any) -> str:
    return str(ProjectMemberFactory(user=user, role=Role.MANAGER, **fields).project_id)


def a_member(user: User) -> dict[str, str]:
    """Return the ids of a project that the user manages, and of another member."""
    project_id = a_project(user)
    return {"project_id": project_id, "user_id": str(ProjectMemberFactory(project_id=project_id, project=None).user_id)}


def own_project(request: Any, **fields: Any) -> Row:
    """Return the row of a request for a project, with these fields, that the caller of column `self` manages."""
    return lambda user: request(project_id=a_project(user), **fields), OWN_PROJECT


PROJECTS: dict[str, Row] = {
    "ProjectService/CreateProject": (lambda user: project_pb2.CreateProjectRequest(name="New"), SIGNED_IN),
    "ProjectService/GetProject": own_project(project_pb2.GetProjectRequest),
    "ProjectService/UpdateProject": own_project(project_pb2.UpdateProjectRequest, project={"name": "New"}),
    "ProjectService/DeleteProject": own_project(project_pb2.DeleteProjectRequest),
    "ProjectService/ListProjects": (lambda user: project_pb2.ListProjectsRequest(), SIGNED_IN),
    "ProjectService/ArchiveProject": own_project(project_pb2.ArchiveProjectRequest),
    "ProjectService/UnarchiveProject": (
        lambda user: project_pb2.UnarchiveProjectRequest(project_id=a_project(user, project__status=2)),
        OWN_PROJECT,
    ),
    "ProjectService/AddMember": (
        lambda user: project_pb2.AddMemberRequest(
            project_id=a_project(user), user_id=str(UserFactory().pk), role=project_pb2.PROJECT_ROLE_VIEWER
        ),
        OWN_PROJECT,
    ),
    "ProjectService/UpdateMember": (
        lambda user: project_pb2.UpdateMemberRequest(**a_member(user), role=project_pb2.PROJECT_ROLE_EDITOR),
        OWN_PROJECT,
    ),
    "ProjectService/RemoveMember": (lambda user: project_pb2.RemoveMemberRequest(**a_member(user)), OWN_PROJECT),
    "ProjectService/ListMembers": own_project(project_pb2.ListMembersRequest),
    "ProjectService/GetProjectStats": own_project(project_pb2.GetProjectStatsRequest),
}
