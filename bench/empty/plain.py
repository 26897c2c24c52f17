"""A gRPC server that creates tasks with plain Django: `full_clean` and `save` in a transaction, without authentication
or anything else around it. It keeps its database connections.
"""

from typing import Any

import django
import grpc
from django.db import transaction

django.setup()

from bench.empty.serving import serve  # noqa: E402
from tandem.task.v1 import task_pb2  # noqa: E402
from tasks.messages import task_message  # noqa: E402
from tasks.models import Priority, Task  # noqa: E402
from users.models import User  # noqa: E402


class Plain(grpc.GenericRpcHandler):
    """Handles every method as CreateTask."""

    def __init__(self) -> None:
        self._user = User.objects.all()[0]
        self._handler = grpc.unary_unary_rpc_method_handler(
            self._create, task_pb2.CreateTaskRequest.FromString, task_pb2.Task.SerializeToString
        )

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return self._handler

    def _create(self, request: task_pb2.CreateTaskRequest, context: grpc.ServicerContext) -> task_pb2.Task:
        task = Task(
            title=request.title,
            description=request.description,
            priority=request.priority or Priority.MEDIUM,
            labels=list(request.labels),
            metadata=dict(request.metadata),
            created_by=self._user,
            assigned_to=self._user,
        )
        task.full_clean()
        with transaction.atomic():
            task.save()
        return task_message(task)


if __name__ == "__main__":
    serve(Plain(), __doc__)
