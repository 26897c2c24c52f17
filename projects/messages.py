"""Conversion of projects and members: rows to messages, messages to fields."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from core.conversions import checked_numbers, read_fields, set_timestamp
from core.errors import invalid
from core.protojson.enums import names, unknown_choice
from projects.models import DrawingStandard, Project, ProjectMember, Role
from projects.queries import Filter
from tandem.project.v1 import project_pb2

#: The fields that a client may set in CreateProject and in the mask of UpdateProject.
WRITABLE = ("number", "name", "description", "client", "drawing_standard")

#: Column → field of the message, where they differ.
PATHS = {"created_by_id": "created_by"}

# The numbers of the enums are those of the models.


def project_message(project: Project, role: Role | None = None) -> project_pb2.Project:
    """Return the message of a project, for a caller with this role."""
    message = project_pb2.Project(
        id=str(project.pk),
        number=project.number,
        name=project.name,
        description=project.description,
        client=project.client,
        status=project.status,  # type: ignore[arg-type]
        drawing_standard=project.drawing_standard,  # type: ignore[arg-type]
        created_by=str(project.created_by_id or ""),
        version=project.version,
        my_role=role or 0,  # type: ignore[arg-type]
    )
    set_timestamp(message.created_at, project.created_at)
    set_timestamp(message.updated_at, project.updated_at)
    return message


def member_message(member: ProjectMember) -> project_pb2.ProjectMember:
    """Return the message of a member."""
    message = project_pb2.ProjectMember(
        project_id=str(member.project_id),
        user_id=str(member.user_id),
        role=member.role,  # type: ignore[arg-type]
        added_by=str(member.added_by_id or ""),
        version=member.version,
    )
    set_timestamp(message.created_at, member.created_at)
    set_timestamp(message.updated_at, member.updated_at)
    return message


def project_fields(message: Any, paths: Iterable[str]) -> dict[str, Any]:
    """Return the fields of a CreateProjectRequest or a Project at these paths, as the services take them.

    Raises:
        ValidationError: names each field that cannot be read.
    """
    return read_fields(message, paths, _READ)


def read_role(request: Any) -> int:
    """Return the role in a request; 0 = it gives none.

    Raises:
        ValidationError: on `role`: it is unknown.
    """
    return _read_choice(request, "role")


def project_filter(request: project_pb2.ListProjectsRequest) -> Filter:
    """Return the filter of a list request.

    Raises:
        ValidationError: an invalid status.
    """
    statuses = checked_numbers(project_pb2.ProjectStatus.DESCRIPTOR, request.statuses, "statuses")
    return Filter(statuses=statuses, query=request.query)


def stats_message(figures: Mapping[str, int | Mapping[str, int]]) -> project_pb2.GetProjectStatsResponse:
    return project_pb2.GetProjectStatsResponse(**figures)  # type: ignore[arg-type]  # the apps above name its fields


def _read_choice(message: Any, name: str) -> int:
    """Return the number of an enum field; UNSPECIFIED is 0."""
    enum = message.DESCRIPTOR.fields_by_name[name].enum_type
    number: int = getattr(message, name)
    if number and number not in names(enum):
        raise invalid(name, "choice", unknown_choice(enum))
    return number


_READ: dict[str, Callable[[Any, str], Any]] = {
    "drawing_standard": lambda message, name: _read_choice(message, name) or DrawingStandard.AUTO,
}
