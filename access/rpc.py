"""gRPC transport of auth.v1."""

from access import handlers
from core.rpc.servicers import service
from tandem.auth.v1 import auth_pb2

AuthService = service(auth_pb2.DESCRIPTOR.services_by_name["AuthService"], handlers)
