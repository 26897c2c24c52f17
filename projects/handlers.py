"""Handlers of project.v1.ProjectService, one function per rpc."""

from typing import Any
from uuid import UUID

from google.protobuf.empty_pb2 import Empty

from core.conversions import page_request, pagination
from core.db import ids
from core.limits import costs
from core.operations import Call, operation
from core.protojson.field_masks import written_paths
from core.replays import Replay
from projects import messages, queries, services
from projects.messages import member_message, project_message
from tandem.project.v1 import project_pb2

#: API keys need `projects:read` and `projects:write`.
AREA = "projects"


def _show_project(call: Call, request: Any, answer: Any) -> Any:
    """Return the kept answer with the role that the caller has now."""
    _, role = queries.get_project(call.actor, answer.project.id)
    answer.project.my_role = role or 0
    return answer


def _show_member(call: Call, request: Any, answer: Any) -> Any:
    queries.get_project(call.actor, request.project_id)
    return answer


def _project_id(call: Call, request: Any, answer: Any) -> UUID | None:
    return ids.parsed(request.project_id)


PROJECT = Replay(subject=lambda call, request, answer: answer.project.id, show=_show_project)
MEMBER = Replay(subject=_project_id, show=_show_member)


@operation(replay=PROJECT)
def create_project(call: Call, request: project_pb2.CreateProjectRequest) -> project_pb2.CreateProjectResponse:
    fields = messages.project_fields(request, messages.WRITABLE)
    return project_pb2.CreateProjectResponse(project=project_message(*services.create_project(call.actor, fields)))


def get_project(call: Call, request: project_pb2.GetProjectRequest) -> project_pb2.GetProjectResponse:
    return project_pb2.GetProjectResponse(project=project_message(*queries.get_project(call.actor, request.project_id)))


@operation(replay=PROJECT)
def update_project(call: Call, request: project_pb2.UpdateProjectRequest) -> project_pb2.UpdateProjectResponse:
    mask = request.update_mask if request.HasField("update_mask") else None
    fields = messages.project_fields(request.project, written_paths(request.project, mask, messages.WRITABLE))
    seen = services.update_project(call.actor, request.project_id, fields, expected_version=call.expected_version)
    return project_pb2.UpdateProjectResponse(project=project_message(*seen))


def delete_project(call: Call, request: project_pb2.DeleteProjectRequest) -> Empty:
    services.delete_project(call.actor, request.project_id, force=request.force, expected_version=call.expected_version)
    return Empty()


def list_projects(call: Call, request: project_pb2.ListProjectsRequest) -> project_pb2.ListProjectsResponse:
    requested = page_request(call, request.pagination, project_message)
    page = queries.list_projects(call.actor, requested, messages.project_filter(request))
    roles = queries.roles_of(call.actor, [project.pk for project in page.rows])
    for project, message in zip(page.rows, page.messages, strict=True):
        message.my_role = roles.get(project.pk, 0)
    return project_pb2.ListProjectsResponse(projects=page.messages, pagination=pagination(page))


@operation(replay=PROJECT)
def archive_project(call: Call, request: project_pb2.ArchiveProjectRequest) -> project_pb2.ArchiveProjectResponse:
    seen = services.archive_project(call.actor, request.project_id, expected_version=call.expected_version)
    return project_pb2.ArchiveProjectResponse(project=project_message(*seen))


@operation(replay=PROJECT)
def unarchive_project(call: Call, request: project_pb2.UnarchiveProjectRequest) -> project_pb2.UnarchiveProjectResponse:
    seen = services.unarchive_project(call.actor, request.project_id, expected_version=call.expected_version)
    return project_pb2.UnarchiveProjectResponse(project=project_message(*seen))


@operation(replay=MEMBER)
def add_member(call: Call, request: project_pb2.AddMemberRequest) -> project_pb2.AddMemberResponse:
    member = services.add_member(call.actor, request.project_id, request.user_id, messages.read_role(request))
    return project_pb2.AddMemberResponse(member=member_message(member))


@operation(replay=MEMBER)
def update_member(call: Call, request: project_pb2.UpdateMemberRequest) -> project_pb2.UpdateMemberResponse:
    member = services.update_member(
        call.actor,
        request.project_id,
        request.user_id,
        messages.read_role(request),
        expected_version=call.expected_version,
    )
    return project_pb2.UpdateMemberResponse(member=member_message(member))


def remove_member(call: Call, request: project_pb2.RemoveMemberRequest) -> Empty:
    services.remove_member(call.actor, request.project_id, request.user_id, expected_version=call.expected_version)
    return Empty()


def list_members(call: Call, request: project_pb2.ListMembersRequest) -> project_pb2.ListMembersResponse:
    requested = page_request(call, request.pagination, member_message)
    page = queries.list_members(call.actor, request.project_id, requested)
    return project_pb2.ListMembersResponse(members=page.messages, pagination=pagination(page))


@operation(cost=costs.SEARCH)
def get_project_stats(call: Call, request: project_pb2.GetProjectStatsRequest) -> project_pb2.GetProjectStatsResponse:
    return messages.stats_message(queries.get_project_stats(call.actor, request.project_id))
