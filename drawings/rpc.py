"""gRPC transport of drawing.v1."""

from core.rpc.servicers import service
from drawings import handlers
from tandem.drawing.v1 import drawing_pb2

DrawingService = service(drawing_pb2.DESCRIPTOR.services_by_name["DrawingService"], handlers)
