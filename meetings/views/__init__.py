"""The REST views."""

from typing import Any

from core import examples as values
from core.operations import operations
from core.rest import tus
from core.rest.openapi.limits import limits_of
from core.rest.viewsets import OperationViewSet
from meetings import handlers, messages
from meetings.models import Meeting
from meetings.services.resumable import RECORDINGS
from meetings.views import paths
from tandem.meeting.v1 import meeting_pb2


class MeetingViewSet(OperationViewSet):
    """The operations under /api/v1/meetings."""

    operations = operations(meeting_pb2.DESCRIPTOR.services_by_name["MeetingService"], handlers)
    examples = {
        "CreateMeeting": {"title": "Planning", "starts_at": "2030-01-31T09:00:00Z", "language": "en"},
        "UpdateMeeting": {"title": "Planning of the year"},
        "UploadRecording": {"title": "Planning", "language": "en"},
        "StreamAudio": [
            {"config": {"meeting_id": values.SILENT_MEETING, "format": "pcm_s16le", "sample_rate": 16_000}},
            {"audio": {"seq": 1, "data": "AAAAAAAAAAAAAAAAAAAAAA=="}},
            {"end": {}},
        ],
        "EditSegment": {"text": "We begin with the budget."},
        "NameSpeaker": {"name": "Ada Lovelace"},
        "EnrollSpeaker": {"consent": True},
        "AcceptActionItem": {"title": "Send the budget", "assigned_to": "me"},
        "Retranscribe": {"language": "en"},
        "SearchTranscripts": {"query": "budget"},
    }
    limits = limits_of(Meeting, meeting_pb2.Meeting, meeting_pb2.CreateMeetingRequest)

    @classmethod
    def more_paths(cls) -> dict[str, Any]:
        return paths.paths()


tus.serve(
    tus.Target(
        RECORDINGS,
        next(operation for operation in MeetingViewSet.operations if operation.rpc == "UploadRecording"),
        read=messages.upload_metadata,
        marks=lambda upload: {"Tandem-Meeting-Id": str(upload.meeting_id)},
    )
)
