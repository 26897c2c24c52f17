"""Recordings, and the messages that bring them."""

import hashlib
import io
import wave
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.utils import timezone

from core.db.ids import uuid7
from meetings.models import Meeting, Status
from meetings.services.files import storage
from tandem.meeting.v1.meeting_pb2 import UploadRecordingRequest
from tests.support.factories import MeetingFactory
from users.models import User

CHUNK_BYTES = 64 * 1024


def a_recording(seconds: float = 0.1) -> bytes:
    """Return a WAV file of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(16_000)
        written.writeframes(bytes(2 * int(16_000 * seconds)))
    return file.getvalue()


def a_recorded_meeting(owner: User, content: bytes | None = None, **fields: object) -> Meeting:
    """Create a meeting with a stored recording."""
    content = a_recording() if content is None else content
    name = storage().save(str(uuid7()), ContentFile(content))
    values = {
        "recording": name, "recording_filename": "talk.wav", "recording_content_type": "audio/wav",
        "recording_size": len(content), "recording_sha256": hashlib.sha256(content).hexdigest(),
        "recording_uploaded_at": timezone.now(), "status": Status.COMPLETED, "progress": 100,
    }  # fmt: skip
    meeting: Meeting = MeetingFactory(owner=owner, **(values | fields))
    return meeting


def an_upload(meeting_id: str = "", content: bytes | None = None, **said: object) -> list[UploadRecordingRequest]:
    """Return the messages of UploadRecording: the metadata of the file, then its bytes."""
    content = a_recording() if content is None else content
    metadata = {
        "meeting_id": meeting_id, "filename": "talk.wav", "content_type": "audio/wav", "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    } | said  # fmt: skip
    chunks = [content[start : start + CHUNK_BYTES] for start in range(0, len(content), CHUNK_BYTES)]
    return [UploadRecordingRequest(metadata=metadata), *(UploadRecordingRequest(chunk=chunk) for chunk in chunks)]  # type: ignore[arg-type]


def a_form(content: bytes, filename: str) -> tuple[bytes, dict[str, str]]:
    """Return a multipart form with the file alone, and its headers."""
    head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'
    return head.encode() + content + b"\r\n--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}


def stored() -> list[Path]:
    """Return the stored files, and those that are being received."""
    return sorted(path for name in ("recordings", "uploads") for path in (settings.DATA_DIR / "media" / name).glob("*"))
