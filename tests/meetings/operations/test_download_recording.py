"""The recording of a meeting as a file, over both transports; `../test_download_ranges.py` has what is HTTP's alone."""

import hashlib
from typing import Any

import pytest

from core.downloads import READ_BYTES
from meetings.models import Meeting
from meetings.services.files import storage
from tandem.meeting.v1.meeting_pb2 import DownloadRecordingRequest
from tests.support.factories import MeetingFactory
from tests.support.recordings import a_recorded_meeting, a_recording, an_upload
from tests.support.transports import Transport
from users.models import User

DOWNLOAD = "MeetingService/DownloadRecording"

pytestmark = pytest.mark.usefixtures("folder")


def request(meeting: Meeting, offset: int = 0) -> DownloadRecordingRequest:
    return DownloadRecordingRequest(meeting_id=str(meeting.pk), offset=offset)


def received(messages: list[Any]) -> bytes:
    """Return the bytes of the file; the metadata is the first message, and there once."""
    assert [message.WhichOneof("part") for message in messages] == ["metadata"] + ["chunk"] * (len(messages) - 1)
    return b"".join(message.chunk for message in messages)


@pytest.mark.parametrize("size", [1, READ_BYTES, 3 * READ_BYTES + 17])
def test_file_comes_out_as_it_was_uploaded(api: Transport, ann: User, size: int) -> None:
    content = (a_recording() + bytes(range(256)) * (size // 256 + 1))[:size]
    meeting = a_recorded_meeting(ann, content)
    messages = api(DOWNLOAD, request(meeting), actor=ann)
    metadata = messages[0].metadata
    assert received(messages) == content
    assert (metadata.filename, metadata.content_type, metadata.size) == ("talk.wav", "audio/wav", size)
    assert metadata.sha256 == hashlib.sha256(content).hexdigest()


def test_uploaded_recording_can_be_downloaded(api: Transport, ann: User) -> None:
    content = a_recording(seconds=1)
    meeting_id = api("MeetingService/UploadRecording", an_upload(content=content), actor=ann).meeting.id
    messages = api(DOWNLOAD, DownloadRecordingRequest(meeting_id=meeting_id), actor=ann)
    assert received(messages) == content


def test_download_resumes_at_an_offset(api: Transport, ann: User) -> None:
    content = bytes(range(256)) * 3_000
    meeting = a_recorded_meeting(ann, content)
    for offset in (1, READ_BYTES, len(content) - 1):
        messages = api(DOWNLOAD, request(meeting, offset), actor=ann)
        assert received(messages) == content[offset:]
        assert messages[0].metadata.size == len(content)


def test_offset_beyond_the_end_is_refused(api: Transport, ann: User) -> None:
    meeting = a_recorded_meeting(ann, b"x" * 10)
    failed = api.failure(DOWNLOAD, request(meeting, 11), actor=ann)
    assert (failed.reason, failed.metadata) == ("RANGE_NOT_SATISFIABLE", {"size": "10"})


def test_participants_listen_and_strangers_do_not(api: Transport, ann: User, bob: User, administrator: User) -> None:
    meeting = a_recorded_meeting(ann, b"x" * 10)
    assert api.failure(DOWNLOAD, request(meeting), actor=bob).reason == "NOT_FOUND"
    assert api.failure(DOWNLOAD, request(meeting)).reason == "UNAUTHENTICATED"
    meeting.participants = [bob.pk]
    meeting.save()
    for actor in (bob, administrator):
        assert received(api(DOWNLOAD, request(meeting), actor=actor)) == b"x" * 10


def test_missing_recording_is_reported(api: Transport, ann: User) -> None:
    failed = api.failure(DOWNLOAD, request(MeetingFactory(owner=ann)), actor=ann)
    assert (failed.reason, "has no recording" in failed.message) == ("NOT_FOUND", True)
    gone = a_recorded_meeting(ann)
    storage().delete(gone.recording)
    failed = api.failure(DOWNLOAD, request(gone), actor=ann)
    assert (failed.reason, failed.message) == ("NOT_FOUND", "The file is no longer in the storage.")


@pytest.mark.parametrize(
    ("uploaded", "sent"),
    [
        ("audio/mpeg", "audio/mpeg"),
        ("Video/WebM; codecs=opus", "video/webm"),
        ("text/html", "application/octet-stream"),
        ("image/svg+xml", "application/octet-stream"),
        ("audio/x\r\nX: y", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_only_types_of_sound_and_film_are_kept(api: Transport, ann: User, uploaded: str, sent: str) -> None:
    meeting = a_recorded_meeting(ann, b"<script>", recording_content_type=uploaded)
    assert api(DOWNLOAD, request(meeting), actor=ann)[0].metadata.content_type == sent
