"""gRPC transport of auth.v1."""

from access import handlers
from core.operations import operations
from core.rpc.servicers import servicer
from tandem.auth.v1 import auth_pb2, auth_pb2_grpc

AuthService = servicer(
    auth_pb2_grpc.AuthServiceServicer, operations(auth_pb2.DESCRIPTOR.services_by_name["AuthService"], handlers)
)
