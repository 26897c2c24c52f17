"""gRPC transport of taskservice."""

from core.rpc.servicers import service
from tandem.task.v1 import task_pb2
from tasks import handlers

TaskService = service(task_pb2.DESCRIPTOR.services_by_name["TaskService"], handlers)
