"""REST transport of change.v1."""

from changes import handlers
from core.operations import operations
from core.rest.viewsets import OperationViewSet
from tandem.change.v1 import change_pb2


class ChangeViewSet(OperationViewSet):
    """/api/v1/changes."""

    operations = operations(change_pb2.DESCRIPTOR.services_by_name["ChangeService"], handlers)
    examples = {"WatchChanges": {"subject_types": ["task", "project"], "include_initial": True}}
