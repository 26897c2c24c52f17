"""The gRPC service."""

from core.operations import operations
from core.rpc.servicers import servicer
from tandem.task.v1 import task_pb2, task_pb2_grpc
from tasks import handlers

TaskService = servicer(
    task_pb2_grpc.TaskServiceServicer,
    operations(task_pb2.DESCRIPTOR.services_by_name["TaskService"], handlers),
)
