"""gRPC transport of meeting.v1."""

from core.rpc.servicers import service
from meetings import handlers
from tandem.meeting.v1 import meeting_pb2

MeetingService = service(meeting_pb2.DESCRIPTOR.services_by_name["MeetingService"], handlers)
