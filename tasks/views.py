"""The HTTP door."""

from core.operations import operations
from core.rest.door import Door
from core.rest.openapi.limits import limits_of
from tandem.task.v1 import task_pb2
from tasks import calls
from tasks.models import Task


class TaskViewSet(Door):
    """/api/v1/tasks."""

    operations = operations(task_pb2.DESCRIPTOR.services_by_name["TaskService"], calls)
    limits = limits_of(Task, task_pb2.Task, task_pb2.CreateTaskRequest, task_pb2.UpdateTaskRequest)
