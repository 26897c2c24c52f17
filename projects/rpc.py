"""gRPC transport of project.v1."""

from core.rpc.servicers import service
from projects import handlers
from tandem.project.v1 import project_pb2

ProjectService = service(project_pb2.DESCRIPTOR.services_by_name["ProjectService"], handlers)
