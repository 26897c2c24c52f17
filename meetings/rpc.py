"""The gRPC service."""

from core.operations import operations
from core.rpc.servicers import servicer
from meetings import handlers
from tandem.meeting.v1 import meeting_pb2, meeting_pb2_grpc

MeetingService = servicer(
    meeting_pb2_grpc.MeetingServiceServicer,
    operations(meeting_pb2.DESCRIPTOR.services_by_name["MeetingService"], handlers),
)
