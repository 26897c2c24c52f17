"""A transcript with all findings as JSON, in the representation of the API."""

import json
from collections.abc import Iterator
from typing import Any

from core import protojson
from meetings import messages
from meetings.views.exports.reading import Transcription
from tandem.meeting.v1 import meeting_pb2


def render(found: Transcription) -> Iterator[str]:
    """Yield the document in parts: its head, then one segment at a time."""
    meeting = protojson.to_json(messages.meeting_message(found.meeting))
    head: dict[str, Any] = {
        "meeting_id": meeting["id"],
        "title": meeting["title"],
        "starts_at": meeting["starts_at"],
        "duration_ms": meeting["duration_ms"],
        "transcript_version": found.version,
        "status": meeting_pb2.MeetingStatus.Name(found.status.value),
        "progress": found.progress,
        "failure_reason": found.failure_reason,
        "notice": found.notice,
        "language": found.language,
        "speakers": [protojson.to_json(messages.speaker_message(speaker)) for speaker in found.speakers],
        "summary": found.summary and protojson.to_json(messages.summary_message(found.summary)),
        "action_items": [protojson.to_json(messages.action_item_message(item)) for item in found.action_items],
    }
    yield _json(head)[:-1] + ', "segments": ['
    for place, segment in enumerate(found.segments()):
        value = protojson.to_json(messages.segment_message(segment)) | {"speaker": found.speaker_of(segment)}
        yield f"{',' if place else ''}\n{_json(value)}"
    yield "\n]}\n"


def _json(value: Any) -> str:
    return protojson.in_one_line(json.dumps(value, ensure_ascii=False))
