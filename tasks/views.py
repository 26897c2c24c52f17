"""The REST views."""

from core import examples as values
from core.operations import operations
from core.rest.openapi.limits import limits_of
from core.rest.viewsets import OperationViewSet
from tandem.task.v1 import task_pb2
from tasks import handlers
from tasks.models import Task


class TaskViewSet(OperationViewSet):
    """The operations under /api/v1/tasks."""

    operations = operations(task_pb2.DESCRIPTOR.services_by_name["TaskService"], handlers)
    examples = {
        "CreateTask": {
            "title": "Write the report",
            "priority": "high",
            "labels": ["work"],
            "assigned_to": "me",
            "due_date": "2030-01-31T17:00:00Z",
            "metadata": {"ticket": "4711"},
        },
        "UpdateTask": {"status": "in_progress", "due_date": None},
        "ListTasks": {"labels": ["work"]},
        "WatchTasks": {"include_initial": True},
        "BulkCreateTasks": {"title": "Write the report", "request_id": "row-1"},
        "BulkUpdateTasks": {"id": values.TASK, "status": "done"},
        "ProcessTaskStream": {"command_id": "1", "create": {"title": "Write the report"}},
    }
    limits = limits_of(Task, task_pb2.Task, task_pb2.CreateTaskRequest, task_pb2.UpdateTaskRequest)
