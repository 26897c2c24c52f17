"""OpenAPI paths of meetings beside the operations: live audio, and exported transcripts."""

from typing import Any

from core import examples
from core.rest.openapi.components import Schema, reference
from core.rest.openapi.own_paths import answer, describe

_NUMBER: Schema = {"type": "integer", "minimum": 0}
_TEXT: Schema = {"type": "string"}
_MEETING_ID: Schema = {
    "name": "meeting_id",
    "in": "path",
    "required": True,
    "schema": _TEXT,
    "example": examples.MEETING,
}
_TRANSCRIPTS = {
    "json": ("application/json", "With all that was found in it"),
    "srt": ("application/x-subrip", "Subtitles (SubRip)"),
    "vtt": ("text/vtt", "Subtitles (WebVTT)"),
    "md": ("text/markdown", "A document for people"),
}


def paths() -> dict[str, Any]:
    """Return the paths of `meetings.views.audio` and `meetings.views.exports`."""
    return {"/api/v1/meetings/{meeting_id}/audio": {"get": _audio()}} | {
        f"/api/v1/meetings/{{meeting_id}}/transcript.{form}": {"get": _transcript(form)} for form in _TRANSCRIPTS
    }


def _audio() -> Schema:
    return describe(
        "streamAudioByWebSocket",
        "Files",
        "Record a meeting while it is held, as a WebSocket",
        description=(
            "The messages of StreamAudio: StreamAudioRequest as JSON in text frames (`config`, whose `meeting_id` is "
            "that of the path, then `end`), and each part of the audio as a binary frame, after its `seq` in eight "
            "bytes, most significant first. The answers are StreamAudioResponse as JSON. A failure is "
            '`{"error": <problem>}`, and then the close code 4000 + its status.'
        ),
        parameters=[
            _MEETING_ID,
            {
                "name": "ticket",
                "in": "query",
                "description": "From CreateStreamTicket, for browsers, in place of the Authorization header.",
                "schema": _TEXT,
            },
            _header("Upgrade", "`websocket`", _TEXT, required=True),
        ],
        answers={"101": {"description": "The connection is a WebSocket."}},
        failures=(404,),
    )


def _transcript(form: str) -> Schema:
    content_type, summary = _TRANSCRIPTS[form]
    return describe(
        f"getTranscriptAs{form.capitalize()}",
        "Files",
        f"A transcript as a file: {summary[0].lower()}{summary[1:]}",
        parameters=[
            _MEETING_ID,
            {
                "name": "transcript_version",
                "in": "query",
                "description": "0: the current one.",
                "schema": _NUMBER,
            },
            reference("parameters", "IfNoneMatch"),
            reference("parameters", "Ticket"),
        ],
        answers={
            "200": answer("The file.", {content_type: {"type": "string"}}, "ETag", Content_Disposition=_TEXT)
            if form != "json"
            else answer("The file.", {content_type: {"type": "object"}}, "ETag", Content_Disposition=_TEXT),
            "304": reference("responses", "NotModified"),
        },
        failures=(404,),
    )


def _header(name: str, description: str, schema: Schema, *, required: bool = False) -> Schema:
    return {"name": name, "in": "header", "description": description, "required": required, "schema": schema}
