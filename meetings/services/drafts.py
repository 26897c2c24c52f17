"""Drafts of the present utterance: sent to all processes that serve streams, and not stored."""

import json

from django.db import connection

from meetings.models import Transcript
from tandem.speech.v1 import speech_pb2

#: The channel of PostgreSQL's LISTEN.
CHANNEL = "tandem_drafts"
#: A notification has at most 8,000 bytes.
MAX_TEXT_LENGTH, _MAX_TEXT_BYTES = 4_000, 7_000


def publish(transcript: Transcript, draft: speech_pb2.Segment) -> None:
    """Notify all processes of a draft; one that does not listen, or is not connected, misses it."""
    text = draft.text[:MAX_TEXT_LENGTH].encode()[:_MAX_TEXT_BYTES].decode(errors="ignore")
    fields = {
        "meeting_id": str(transcript.meeting_id),
        "transcript_version": transcript.version,
        "start_ms": draft.start_ms,
        "end_ms": draft.end_ms,
        "revision": draft.revision,
        "text": text,
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, json.dumps(fields, ensure_ascii=False)])
