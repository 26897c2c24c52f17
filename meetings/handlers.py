"""Handlers of meeting.v1.MeetingService, one function per rpc."""

from collections.abc import Iterator
from functools import partial
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from google.protobuf.empty_pb2 import Empty

from changes import feed
from changes.feed.watching import open_watch
from core.conversions import checked_numbers, page_request, pagination, read_range, read_timestamp
from core.db import ids
from core.downloads import Download
from core.limits import costs
from core.operations import Call, operation
from core.protojson.field_masks import EVERYTHING, written_paths
from core.replays import Replay
from meetings import messages, queries, services
from meetings.messages import action_item_message, meeting_message, segment_message, speaker_message, summary_message
from meetings.queries import findings, stats
from meetings.services import action_items, files, processing, recordings, transcripts, voices
from meetings.watching import subscription_for
from meetings.watching.drafts import WithDrafts
from meetings.watching.live import answer_audio
from tandem.meeting.v1 import meeting_pb2

#: API keys need `meetings:read` and `meetings:write`.
AREA = "meetings"


def _show(call: Call, request: Any, answer: Any) -> Any:
    queries.get_meeting(call.actor, str(_meeting_id(call, request, answer)))
    return answer


def _meeting_id(call: Call, request: Any, answer: Any) -> UUID | None:
    """Return the id of the meeting that the answer holds or belongs to."""
    is_meeting = "meeting" in answer.DESCRIPTOR.fields_by_name
    return ids.parsed(answer.meeting.id if is_meeting else request.meeting_id)


REPLAY = Replay(subject=_meeting_id, show=_show)


@operation(replay=REPLAY)
def create_meeting(call: Call, request: meeting_pb2.CreateMeetingRequest) -> meeting_pb2.CreateMeetingResponse:
    fields = messages.meeting_fields(request, messages.WRITABLE)
    fields["owner"] = fields["owner"] or "me"
    return meeting_pb2.CreateMeetingResponse(meeting=meeting_message(services.create_meeting(call.actor, fields)))


def get_meeting(call: Call, request: meeting_pb2.GetMeetingRequest) -> meeting_pb2.GetMeetingResponse:
    return meeting_pb2.GetMeetingResponse(meeting=meeting_message(queries.get_meeting(call.actor, request.meeting_id)))


@operation(replay=REPLAY)
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


def download_recording(call: Call, request: meeting_pb2.DownloadRecordingRequest) -> Download:
    meeting = queries.get_recorded_meeting(call.actor, request.meeting_id)
    return Download(
        meeting_pb2.DownloadRecordingResponse,
        messages.content_message(meeting),
        partial(files.storage().open, meeting.recording),
        request.offset,
    )


def get_waveform(call: Call, request: meeting_pb2.GetWaveformRequest) -> meeting_pb2.GetWaveformResponse:
    meeting, peaks = queries.get_waveform(call.actor, request.meeting_id, request.max_peaks)
    return meeting_pb2.GetWaveformResponse(peaks=peaks, duration_ms=meeting.duration_ms)


def list_meetings(call: Call, request: meeting_pb2.ListMeetingsRequest) -> meeting_pb2.ListMeetingsResponse:
    requested = page_request(call, request.pagination, meeting_message)
    page = queries.list_meetings(call.actor, requested, messages.meeting_filter(request))
    return meeting_pb2.ListMeetingsResponse(meetings=page.messages, pagination=pagination(page))


def watch_meeting(call: Call, request: meeting_pb2.WatchMeetingRequest) -> WithDrafts:
    watch = open_watch(
        feed.live,
        subscription_for(call.operation.name, queries.get_meeting(call.actor, request.meeting_id)),
        call.actor,
        cursor=request.cursor,
        include_initial=not request.cursor,
        bookmarks=request.bookmarks,
    )
    return WithDrafts(watch, request.meeting_id)


@operation(ticks=True)
def stream_audio(
    call: Call, items: Iterator[meeting_pb2.StreamAudioRequest | ValidationError | None]
) -> Iterator[meeting_pb2.StreamAudioResponse]:
    return answer_audio(call, items)


def get_transcript(call: Call, request: meeting_pb2.GetTranscriptRequest) -> meeting_pb2.GetTranscriptResponse:
    page = queries.transcripts.get_transcript(
        call.actor,
        request.meeting_id,
        request.transcript_version,
        page_request(call, request.pagination, segment_message),
    )
    return meeting_pb2.GetTranscriptResponse(segments=page.messages, pagination=pagination(page))


@operation(replay=REPLAY)
def edit_segment(call: Call, request: meeting_pb2.EditSegmentRequest) -> meeting_pb2.EditSegmentResponse:
    mask = request.update_mask if request.HasField("update_mask") else None
    is_whole = mask is not None and list(mask.paths) == [EVERYTHING]
    paths = written_paths(request.segment, mask, transcripts.WRITABLE if is_whole else transcripts.EDITABLE)
    segment = transcripts.edit_segment(
        call.actor,
        request.meeting_id,
        request.segment_id,
        {path: attrgetter(path)(request.segment) for path in paths},
        expected_version=call.expected_version,
    )
    return meeting_pb2.EditSegmentResponse(segment=segment_message(segment))


def list_speakers(call: Call, request: meeting_pb2.ListSpeakersRequest) -> meeting_pb2.ListSpeakersResponse:
    speakers = findings.list_speakers(call.actor, request.meeting_id, request.transcript_version)
    return meeting_pb2.ListSpeakersResponse(speakers=[speaker_message(speaker) for speaker in speakers])


@operation(replay=REPLAY)
def name_speaker(call: Call, request: meeting_pb2.NameSpeakerRequest) -> meeting_pb2.NameSpeakerResponse:
    speaker = transcripts.name_speaker(
        call.actor,
        request.meeting_id,
        request.speaker_id,
        request.name,
        request.user_id,
        expected_version=call.expected_version,
    )
    return meeting_pb2.NameSpeakerResponse(speaker=speaker_message(speaker))


@operation(replay=REPLAY)
def enroll_speaker(call: Call, request: meeting_pb2.EnrollSpeakerRequest) -> meeting_pb2.EnrollSpeakerResponse:
    enrolled = voices.enroll_speaker(
        call.actor,
        request.meeting_id,
        request.speaker_id,
        consent=request.consent,
        expected_version=call.expected_version,
    )
    return meeting_pb2.EnrollSpeakerResponse(voice=messages.voice_message(enrolled))


def forget_speaker(call: Call, request: meeting_pb2.ForgetSpeakerRequest) -> Empty:
    voices.forget_speaker(call.actor, request.user_id)
    return Empty()


def get_summary(call: Call, request: meeting_pb2.GetSummaryRequest) -> meeting_pb2.GetSummaryResponse:
    summary = findings.get_summary(call.actor, request.meeting_id, request.transcript_version)
    return meeting_pb2.GetSummaryResponse(summary=summary_message(summary))


def list_action_items(call: Call, request: meeting_pb2.ListActionItemsRequest) -> meeting_pb2.ListActionItemsResponse:
    statuses = checked_numbers(meeting_pb2.ActionItemStatus.DESCRIPTOR, request.statuses, "statuses")
    items = findings.list_action_items(call.actor, request.meeting_id, request.transcript_version, statuses)
    return meeting_pb2.ListActionItemsResponse(action_items=[action_item_message(item) for item in items])


@operation(replay=REPLAY)
def accept_action_item(
    call: Call, request: meeting_pb2.AcceptActionItemRequest
) -> meeting_pb2.AcceptActionItemResponse:
    item = action_items.accept_action_item(
        call.actor,
        request.meeting_id,
        request.item_id,
        title=request.title,
        assigned_to=request.assigned_to,
        due_date=read_timestamp(request, "due_date"),
        expected_version=call.expected_version,
    )
    return meeting_pb2.AcceptActionItemResponse(action_item=action_item_message(item))


@operation(replay=REPLAY)
def reject_action_item(
    call: Call, request: meeting_pb2.RejectActionItemRequest
) -> meeting_pb2.RejectActionItemResponse:
    item = action_items.reject_action_item(
        call.actor, request.meeting_id, request.item_id, expected_version=call.expected_version
    )
    return meeting_pb2.RejectActionItemResponse(action_item=action_item_message(item))


@operation(cost=costs.SEARCH)
def search_transcripts(
    call: Call, request: meeting_pb2.SearchTranscriptsRequest
) -> meeting_pb2.SearchTranscriptsResponse:
    requested = page_request(call, request.pagination, segment_message)
    return messages.found_message(queries.transcripts.search_transcripts(call.actor, request.query, requested))


@operation(cost=costs.SEARCH)
def get_meeting_stats(call: Call, request: meeting_pb2.GetMeetingStatsRequest) -> meeting_pb2.GetMeetingStatsResponse:
    return messages.stats_message(stats.get_meeting_stats(call.actor, *read_range(request, "created_at")))


@operation(replay=REPLAY, cost=costs.JOB)
def retranscribe(call: Call, request: meeting_pb2.RetranscribeRequest) -> meeting_pb2.RetranscribeResponse:
    meeting = processing.retranscribe(
        call.actor,
        request.meeting_id,
        language=request.language,
        speaker_count=request.speaker_count,
        expected_version=call.expected_version,
    )
    return meeting_pb2.RetranscribeResponse(meeting=meeting_message(meeting))


@operation(replay=REPLAY, cost=costs.JOB)
def summarize(call: Call, request: meeting_pb2.SummarizeRequest) -> meeting_pb2.SummarizeResponse:
    meeting = processing.summarize(call.actor, request.meeting_id, expected_version=call.expected_version)
    return meeting_pb2.SummarizeResponse(meeting=meeting_message(meeting))


@operation(replay=REPLAY)
def cancel_processing(call: Call, request: meeting_pb2.CancelProcessingRequest) -> meeting_pb2.CancelProcessingResponse:
    meeting = processing.cancel_processing(call.actor, request.meeting_id, expected_version=call.expected_version)
    return meeting_pb2.CancelProcessingResponse(meeting=meeting_message(meeting))
