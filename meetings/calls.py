"""meeting.v1.MeetingService, an rpc a function."""

from collections.abc import Iterator

from django.core.exceptions import ValidationError
from google.protobuf.empty_pb2 import Empty

from core.masks import written_paths
from core.messages import asked_page, pagination
from core.operations import Call
from meetings import messages, queries, services
from meetings.messages import meeting_message
from meetings.services import processing, recordings
from tandem.meeting.v1 import meeting_pb2

#: API keys need `meetings:read` and `meetings:write`.
AREA = "meetings"


def create_meeting(call: Call, request: meeting_pb2.CreateMeetingRequest) -> meeting_pb2.CreateMeetingResponse:
    fields = messages.meeting_fields(request, messages.WRITABLE)
    fields["owner"] = fields["owner"] or "me"
    return meeting_pb2.CreateMeetingResponse(meeting=meeting_message(services.create_meeting(call.actor, fields)))


def get_meeting(call: Call, request: meeting_pb2.GetMeetingRequest) -> meeting_pb2.GetMeetingResponse:
    return meeting_pb2.GetMeetingResponse(meeting=meeting_message(queries.get_meeting(call.actor, request.meeting_id)))


def update_meeting(call: Call, request: meeting_pb2.UpdateMeetingRequest) -> meeting_pb2.UpdateMeetingResponse:
    mask = request.update_mask if request.HasField("update_mask") else None
    fields = messages.meeting_fields(request.meeting, written_paths(request.meeting, mask, messages.WRITABLE))
    meeting = services.update_meeting(call.actor, request.meeting_id, fields, expected_version=call.expected_version)
    return meeting_pb2.UpdateMeetingResponse(meeting=meeting_message(meeting))


def delete_meeting(call: Call, request: meeting_pb2.DeleteMeetingRequest) -> Empty:
    services.delete_meeting(call.actor, request.meeting_id, expected_version=call.expected_version)
    return Empty()


def upload_recording(
    call: Call, items: Iterator[meeting_pb2.UploadRecordingRequest | ValidationError]
) -> meeting_pb2.UploadRecordingResponse:
    metadata, chunks = messages.read_upload(items)
    meeting = recordings.upload_recording(call.actor, metadata, chunks)
    return meeting_pb2.UploadRecordingResponse(meeting=meeting_message(meeting))


def list_meetings(call: Call, request: meeting_pb2.ListMeetingsRequest) -> meeting_pb2.ListMeetingsResponse:
    page = queries.list_meetings(call.actor, asked_page(call, request.pagination), messages.meeting_filter(request))
    return meeting_pb2.ListMeetingsResponse(
        meetings=[meeting_message(meeting) for meeting in page.rows], pagination=pagination(page)
    )


def retranscribe(call: Call, request: meeting_pb2.RetranscribeRequest) -> meeting_pb2.RetranscribeResponse:
    meeting = processing.retranscribe(
        call.actor,
        request.meeting_id,
        language=request.language,
        speaker_count=request.speaker_count,
        expected_version=call.expected_version,
    )
    return meeting_pb2.RetranscribeResponse(meeting=meeting_message(meeting))


def cancel_processing(call: Call, request: meeting_pb2.CancelProcessingRequest) -> meeting_pb2.CancelProcessingResponse:
    meeting = processing.cancel_processing(call.actor, request.meeting_id, expected_version=call.expected_version)
    return meeting_pb2.CancelProcessingResponse(meeting=meeting_message(meeting))
