"""gRPC transport of change.v1."""

from changes import handlers
from core.operations import operations
from core.rpc.servicers import servicer
from tandem.change.v1 import change_pb2, change_pb2_grpc

ChangeService = servicer(
    change_pb2_grpc.ChangeServiceServicer, operations(change_pb2.DESCRIPTOR.services_by_name["ChangeService"], handlers)
)
