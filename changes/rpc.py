"""gRPC transport of change.v1."""

from changes import handlers
from core.rpc.servicers import service
from tandem.change.v1 import change_pb2

ChangeService = service(change_pb2.DESCRIPTOR.services_by_name["ChangeService"], handlers)
