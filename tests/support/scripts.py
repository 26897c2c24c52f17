"""Answers of scripted engines, and recordings for them or for real ones."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from meetings.models import Meeting, Transcript
from meetings.services import processing
from meetings.services.files import storage
from tests.support.factories import MeetingFactory, UserFactory
from tests.support.recordings import a_recording
from users.models import User

LINES = ("good morning", "bob will send the report by friday", "we have decided to go", "thank you")


def finals(lines: tuple[str, ...] = LINES, *, every_ms: int = 5000) -> list[dict[str, Any]]:
    """Return a step for each line, with a pause of a second between them."""
    return [
        {"final": {"start_ms": place * every_ms, "end_ms": (place + 1) * every_ms - 1000, "text": text}}
        for place, text in enumerate(lines)
    ]


def a_script(path: Path, **said: Any) -> str:
    """Write a script and return its URL. By default it answers with `LINES`, by two voices in turn, and a summary."""
    length = 5000 * len(LINES)
    script = {
        "transcribe": [
            {"detected": "en"},
            {"progress": {"done_ms": 0, "total_ms": length}},
            *finals(),
            {"done": {"audio_ms": length, "cpu_ms": 7}},
        ],
        "diarize": [
            {"voice": {"label": "S1", "speech_ms": 8000, "voice_print": [1.0, 0.0]}},
            {"voice": {"label": "S2", "speech_ms": 8000, "voice_print": [0.0, 1.0]}},
            *(
                {"turn": {"start_ms": at * 5000, "end_ms": at * 5000 + 4000, "label": f"S{at % 2 + 1}"}}
                for at in range(len(LINES))
            ),
            {"done": {"audio_ms": length}},
        ],
        "summarize": [
            {
                "summary": {
                    "overview": [{"text": "Good morning.", "segments": [0]}],
                    "decisions": [{"text": "We go.", "segments": [2]}],
                    "deeds": [
                        {
                            "text": "send the report", "segments": [1], "owner": "bob", "person": "Bob",
                            "due": "by friday", "due_on": "2026-02-06",
                        }
                    ],
                }
            }
        ],
    }  # fmt: skip
    path.write_text(json.dumps(script | said))
    return f"script://{path}"


def submitted(content: bytes | None = None, owner: User | None = None, **fields: Any) -> Meeting:
    """Create a meeting whose recording, by default of silence, is stored and submitted."""
    from django.core.files.base import ContentFile

    owner = owner or UserFactory()
    name = storage().save("a-file", ContentFile(a_recording() if content is None else content))
    meeting: Meeting = MeetingFactory(owner=owner, **fields)
    recording = {"recording": name, "recording_sha256": "0" * 64, "recording_uploaded_at": timezone.now()}
    with transaction.atomic():
        return processing.submit(owner, meeting, recording=recording)


def version_of(meeting: Meeting) -> Transcript:
    """Return the newest version."""
    return Transcript.objects.filter(meeting=meeting).latest("version")


def texts(meeting_id: UUID, version: int = 1) -> list[str]:
    """Return the texts of a version."""
    from meetings.models import Segment

    rows = Segment.objects.filter(meeting=meeting_id, transcript_version=version).order_by("start_ms")
    return list(rows.values_list("text", flat=True))
