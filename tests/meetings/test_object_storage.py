"""Recordings in a storage with the interface of S3, which a server of its own (moto) offers here."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.environment import object_storage
from core.db.ids import uuid7
from core.errors import Unavailable
from meetings.models import Meeting, Status
from meetings.services import files, recordings
from meetings.services.files import storage
from tandem.meeting.v1.meeting_pb2 import DeleteMeetingRequest, DownloadRecordingRequest
from tests.jobs import run_jobs
from tests.support.recordings import a_recording, an_upload
from tests.support.scripts import LINES, a_script, texts
from tests.support.servers import answers_http, free_port, until
from tests.support.transports import Failed, Transport
from users.models import User

SERVER = str(Path(sys.prefix) / "bin/moto_server")

pytestmark = [pytest.mark.tools(SERVER), pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    port = free_port()
    with subprocess.Popen([SERVER, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: answers_http(url), "the storage answers")
            yield url
        finally:
            process.terminate()


@pytest.fixture
def bucket(endpoint: str, settings: Any, folder: Path) -> Any:
    """Return a new bucket, which is the storage of recordings."""
    url = f"s3://key:sec%2Fret@recordings/of/tandem?endpoint={endpoint}&region=eu-central-1"
    settings.STORAGES = {**settings.STORAGES, "recordings": object_storage("RECORDINGS_STORAGE", url)}
    made = storage().bucket  # type: ignore[attr-defined]
    made.create(CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    yield made
    made.objects.all().delete()
    made.delete()


def keys(bucket: Any) -> list[str]:
    return [stored.key for stored in bucket.objects.all()]


def test_recording_is_stored_processed_downloaded_and_deleted(
    committing_api: Transport, bucket: Any, ann: User, settings: Any, tmp_path: Path
) -> None:
    settings.SPEECH_NODES = [a_script(tmp_path / "script.json")]
    content = a_recording(seconds=300)  # More than one block.
    answer = committing_api("MeetingService/UploadRecording", an_upload(content=content), actor=ann)
    meeting = Meeting.objects.get(pk=answer.meeting.id)
    assert keys(bucket) == [f"of/tandem/{meeting.recording}"]
    assert list((settings.DATA_DIR / "media" / "uploads").iterdir()) == []
    run_jobs()
    meeting.refresh_from_db()
    assert (meeting.status, texts(meeting.pk)) == (Status.COMPLETED, list(LINES))
    for offset in (0, files.storage().size(meeting.recording) - 10, 5 * 2**20):
        request = DownloadRecordingRequest(meeting_id=str(meeting.pk), offset=offset)
        messages = committing_api("MeetingService/DownloadRecording", request, actor=ann)
        assert b"".join(message.chunk for message in messages) == content[offset:]
    committing_api("MeetingService/DeleteMeeting", DeleteMeetingRequest(meeting_id=str(meeting.pk)), actor=ann)
    assert keys(bucket) == []


def test_abandoned_files_are_pruned(bucket: Any, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = recordings.upload_recording(ann, recordings.UploadMetadata(filename="a.wav"), [a_recording()])
    bucket.put_object(Key=f"of/tandem/{uuid7()}", Body=b"x")
    bucket.put_object(Key="of/tandem/of-another-program.csv", Body=b"x")
    assert recordings.prune() == 0
    monkeypatch.setattr(recordings, "ABANDONED_AFTER", timedelta(seconds=-60))
    assert recordings.prune() == 1
    assert keys(bucket) == [f"of/tandem/{kept.recording}", "of/tandem/of-another-program.csv"]


def test_storage_that_refuses_answers_unavailable_and_keeps_nothing(
    committing_api: Transport, bucket: Any, ann: User, settings: Any
) -> None:
    meeting = recordings.upload_recording(ann, recordings.UploadMetadata(filename="a.wav"), [a_recording()])
    bucket.objects.all().delete()
    with pytest.raises(FileNotFoundError):
        storage().open(meeting.recording)
    url = "s3://key:secret@recordings?endpoint=http://127.0.0.1:9"
    settings.STORAGES = {**settings.STORAGES, "recordings": object_storage("RECORDINGS_STORAGE", url)}
    with pytest.raises(Failed) as failed:
        committing_api("MeetingService/UploadRecording", an_upload(), actor=ann)
    assert failed.value.reason == "UNAVAILABLE"
    assert Meeting.objects.count() == 1
    assert list((settings.DATA_DIR / "media" / "uploads").iterdir()) == []
    with pytest.raises(Unavailable, match="cannot be reached"):
        storage().open(meeting.recording)
