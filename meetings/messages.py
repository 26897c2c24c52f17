"""Conversion of meetings and their parts: rows to messages, messages to fields."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from core.conversions import checked_numbers, pagination, read_fields, read_range, read_timestamp, set_timestamp
from core.downloads import playable_type
from core.errors import invalid
from meetings.models import ActionItem, EnrolledVoice, Meeting, Segment, Speaker, Status, Summary
from meetings.queries import Filter
from meetings.queries.stats import MeetingStats
from meetings.queries.transcripts import Found
from meetings.services.recordings import UploadMetadata
from tandem.meeting.v1 import meeting_pb2

#: The fields that a client may set in CreateMeeting and in the mask of UpdateMeeting.
WRITABLE = ("title", "starts_at", "participants", "language", "owner", "vocabulary", "project_id")

#: The fields of `Meeting.recording`.
RECORDING = ("filename", "content_type", "size", "sha256", "uploaded_at", "deleted_at")
#: Column → field of the message, where they differ.
PATHS = {"owner_id": "owner", **{f"recording_{name}": f"recording.{name}" for name in RECORDING}}

MAX_CHUNK_LENGTH = 64 * 1024

_TIMES = ("starts_at", "created_at", "updated_at", "estimated_end_at", "transcript_deleted_at")


def meeting_message(meeting: Meeting) -> meeting_pb2.Meeting:
    """Return the message of a meeting."""
    message = meeting_pb2.Meeting(
        id=str(meeting.pk),
        title=meeting.title,
        participants=[str(user_id) for user_id in meeting.participants],
        language=meeting.language,
        owner=str(meeting.owner_id or ""),
        status=meeting.status,  # type: ignore[arg-type]  # the numbers are the contract's
        progress=meeting.progress,
        failure_reason=meeting.failure_reason,
        version=meeting.version,
        stage=meeting.stage or 0,  # type: ignore[arg-type]
        duration_ms=meeting.duration_ms,
        transcript_version=meeting.transcript_version,
        notice=meeting.notice,
        vocabulary=meeting.vocabulary,
        missing=[meeting_pb2.MissingStage(**missing) for missing in meeting.missing],
        live=meeting.live,
        project_id=str(meeting.project_id or ""),
    )
    for name in _TIMES:
        if (at := getattr(meeting, name)) is not None:
            set_timestamp(getattr(message, name), at)
    if meeting.recording_uploaded_at is not None:
        message.recording.filename = meeting.recording_filename
        message.recording.content_type = meeting.recording_content_type
        message.recording.size = meeting.recording_size
        message.recording.sha256 = meeting.recording_sha256
        set_timestamp(message.recording.uploaded_at, meeting.recording_uploaded_at)
        if meeting.recording_deleted_at is not None:
            set_timestamp(message.recording.deleted_at, meeting.recording_deleted_at)
    return message


def content_message(meeting: Meeting) -> meeting_pb2.RecordingContent:
    """Return the message of a recording that is sent."""
    return meeting_pb2.RecordingContent(
        filename=meeting.recording_filename,
        content_type=playable_type(meeting.recording_content_type),
        size=meeting.recording_size,
        sha256=meeting.recording_sha256,
    )


def segment_message(segment: Segment) -> meeting_pb2.Segment:
    """Return the message of a segment."""
    message = meeting_pb2.Segment(
        id=str(segment.pk),
        meeting_id=str(segment.meeting_id),
        transcript_version=segment.transcript_version,
        start_ms=segment.start_ms,
        end_ms=segment.end_ms,
        text=segment.text,
        speaker_id=str(segment.speaker_id or ""),
        confidence=segment.confidence,
        words=[meeting_pb2.Word(**word) for word in segment.words],
        engine=meeting_pb2.Engine(**segment.engine),
        degraded=segment.degraded,
        recognized_text=segment.recognized_text,
        edited_by=str(segment.edited_by_id or ""),
        version=segment.version,
        text_source=_text_source(segment),
        split_at_ms=segment.split_at_ms,
    )
    if segment.second_part_id is not None:
        message.second_part.id = str(segment.second_part_id)
    if segment.edited_at is not None:
        set_timestamp(message.edited_at, segment.edited_at)
    return message


def _text_source(segment: Segment) -> meeting_pb2.TextSource:
    if segment.by_vocabulary:
        return meeting_pb2.TEXT_SOURCE_VOCABULARY
    if segment.text != segment.recognized_text:
        return meeting_pb2.TEXT_SOURCE_USER
    return meeting_pb2.TEXT_SOURCE_RECOGNITION


def speaker_message(speaker: Speaker) -> meeting_pb2.Speaker:
    """Return the message of a speaker."""
    message = meeting_pb2.Speaker(
        id=str(speaker.pk),
        meeting_id=str(speaker.meeting_id),
        transcript_version=speaker.transcript_version,
        label=speaker.label,
        name=speaker.name,
        user_id=str(speaker.user_id or ""),
        speech_ms=speaker.speech_ms,
        version=speaker.version,
    )
    if speaker.has_suggestion:
        message.suggestion.user_id = str(speaker.suggested_user_id)
        message.suggestion.similarity = speaker.similarity or 0
    return message


def voice_message(enrolled: Sequence[EnrolledVoice]) -> meeting_pb2.Voice:
    """Return the message of what a user has enrolled: at least one voice print."""
    message = meeting_pb2.Voice(
        user_id=str(enrolled[0].user_id),
        speaker_ids=[str(voice.speaker_id) for voice in enrolled],
        speech_ms=sum(voice.speech_ms for voice in enrolled),
    )
    set_timestamp(message.consented_at, enrolled[0].consented_at)
    return message


def summary_message(summary: Summary) -> meeting_pb2.Summary:
    """Return the message of a summary."""
    message = meeting_pb2.Summary(
        meeting_id=str(summary.meeting_id),
        transcript_version=summary.transcript_version,
        language=summary.language,
        engine=meeting_pb2.Engine(**summary.engine),
        version=summary.version,
    )
    for name in ("overview", "topics", "decisions"):
        getattr(message, name).extend(meeting_pb2.Statement(**statement) for statement in getattr(summary, name))
    set_timestamp(message.created_at, summary.created_at)
    return message


def action_item_message(item: ActionItem) -> meeting_pb2.ActionItem:
    """Return the message of an action item."""
    message = meeting_pb2.ActionItem(
        id=str(item.pk),
        meeting_id=str(item.meeting_id),
        transcript_version=item.transcript_version,
        text=item.text,
        owner_name=item.owner_name,
        assigned_to=str(item.assigned_to_id or ""),
        due=item.due,
        segment_ids=[str(segment_id) for segment_id in item.segment_ids],
        confidence=item.confidence,
        status=item.status,  # type: ignore[arg-type]
        task_id=str(item.task_id or ""),
        decided_by=str(item.decided_by_id or ""),
        version=item.version,
    )
    if item.due_on is not None:
        message.due_on.year, message.due_on.month, message.due_on.day = item.due_on.timetuple()[:3]
    if item.decided_at is not None:
        set_timestamp(message.decided_at, item.decided_at)
    return message


def meeting_fields(
    message: meeting_pb2.Meeting | meeting_pb2.CreateMeetingRequest, paths: Iterable[str]
) -> dict[str, Any]:
    """Return the fields of the message at these paths, as the services take them.

    Raises:
        ValidationError: an invalid time.
    """
    return read_fields(message, paths, _READ)


def read_upload(
    items: Iterator[meeting_pb2.UploadRecordingRequest | ValidationError],
) -> tuple[UploadMetadata, Iterator[bytes]]:
    """Return the declared metadata of a recording, and an iterator of its bytes.

    Raises:
        ValidationError: the first message is not `metadata`, or has an invalid time; or, from the iterator, a further
            one is not a `chunk`.
    """
    first = _read_item(next(items, meeting_pb2.UploadRecordingRequest()))
    if not first.HasField("metadata"):
        raise invalid("metadata", "required", "The first message must contain the metadata of the recording.")
    return upload_metadata(first.metadata), map(_chunk, items)


def upload_metadata(message: meeting_pb2.RecordingMetadata) -> UploadMetadata:
    """Return the declared metadata of a recording.

    Raises:
        ValidationError: an invalid time.
    """
    return UploadMetadata(**read_fields(message, message.DESCRIPTOR.fields_by_name, _READ))


def _chunk(item: meeting_pb2.UploadRecordingRequest | ValidationError) -> bytes:
    read = _read_item(item)
    if not read.HasField("chunk"):
        raise invalid("chunk", "required", "Each message after the first must contain a chunk of the file.")
    if len(read.chunk) > MAX_CHUNK_LENGTH:
        raise invalid("chunk", "max_length", "A chunk has at most 64 KiB.")
    return read.chunk


def _read_item(item: meeting_pb2.UploadRecordingRequest | ValidationError) -> meeting_pb2.UploadRecordingRequest:
    if isinstance(item, ValidationError):
        raise item
    return item


def meeting_filter(request: meeting_pb2.ListMeetingsRequest) -> Filter:
    """Return the filter of a list request.

    Raises:
        ValidationError: an invalid status or time.
    """
    starts_from, starts_until = read_range(request, "starts_at")
    return Filter(
        statuses=checked_numbers(meeting_pb2.MeetingStatus.DESCRIPTOR, request.statuses, "statuses"),
        query=request.query,
        project_id=request.project_id,
        starts_from=starts_from,
        starts_until=starts_until,
    )


def found_message(found: Found) -> meeting_pb2.SearchTranscriptsResponse:
    """Return the message of a page of matching segments with their meetings' titles."""
    return meeting_pb2.SearchTranscriptsResponse(
        matches=[
            meeting_pb2.FoundSegment(
                segment=message,
                # A meeting may have been deleted since.
                meeting_title=found.titles.get(segment.meeting_id, ""),
            )
            for segment, message in zip(found.page.rows, found.page.messages, strict=True)
        ],
        pagination=pagination(found.page),
    )


def stats_message(stats: MeetingStats) -> meeting_pb2.GetMeetingStatsResponse:
    return meeting_pb2.GetMeetingStatsResponse(
        total=sum(stats.by_status.values()),
        by_status={Status(status).name.lower(): count for status, count in stats.by_status.items()},
        recorded_ms=stats.recorded_ms,
        talk_ms_by_speaker=stats.talk_ms,
    )


_READ: dict[str, Callable[[Any, str], Any]] = {
    "starts_at": read_timestamp,
    "participants": lambda message, name: list(message.participants),
    "vocabulary": lambda message, name: list(message.vocabulary),
}
