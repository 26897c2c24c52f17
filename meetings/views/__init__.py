"""The HTTP door."""

from core.operations import operations
from core.rest.door import Door
from core.rest.openapi.limits import limits_of
from meetings import calls
from meetings.models import Meeting
from tandem.meeting.v1 import meeting_pb2


class MeetingViewSet(Door):
    """/api/v1/meetings."""

    operations = operations(meeting_pb2.DESCRIPTOR.services_by_name["MeetingService"], calls)
    limits = limits_of(Meeting, meeting_pb2.Meeting, meeting_pb2.CreateMeetingRequest)
