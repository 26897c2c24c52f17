"""The REST views."""

from core import examples as values
from core.operations import operations
from core.rest.openapi.limits import limits_of
from core.rest.viewsets import OperationViewSet
from projects import handlers
from projects.models import Project
from tandem.project.v1 import project_pb2


class ProjectViewSet(OperationViewSet):
    """The operations under /api/v1/projects."""

    operations = operations(project_pb2.DESCRIPTOR.services_by_name["ProjectService"], handlers)
    examples = {
        "CreateProject": {"number": values.NEW_NUMBER, "name": values.NEW_PROJECT, "client": "Example Works"},
        "UpdateProject": {"description": "Ground floor and gallery.", "drawing_standard": "iec_81346"},
        "ListProjects": {"statuses": ["active"]},
        "AddMember": {"user_id": values.USER, "role": "editor"},
        "UpdateMember": {"role": "viewer"},
    }
    limits = limits_of(Project, project_pb2.Project, project_pb2.CreateProjectRequest)
