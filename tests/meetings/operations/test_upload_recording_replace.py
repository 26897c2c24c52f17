"""UploadRecording with `replace`: a failed, cancelled or wrong recording gives way to another."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from core.errors import Conflict
from meetings.models import Meeting, Status, Transcript, Upload
from meetings.services.files import storage
from meetings.services.recordings import UploadMetadata, upload_recording
from tests.meetings.operations.test_upload_recording import UPLOAD, upload_failure
from tests.support.factories import MeetingFactory, UserFactory
from tests.support.recordings import a_recording, an_upload, stored
from tests.support.transports import Transport
from tests.support.uploads import Uploader, begun
from users.models import User

pytestmark = pytest.mark.usefixtures("folder")


def recorded(owner: User, status: Status = Status.COMPLETED, **fields: Any) -> Meeting:
    """Create a meeting whose recording was processed to this status."""
    from django.core.files.base import ContentFile

    values = {
        "title": "Weekly", "status": status, "recording": storage().save("old", ContentFile(b"old")), "duration_ms": 9,
        "recording_filename": "wrong.wav", "recording_size": 3, "recording_uploaded_at": timezone.now(),
        "failure_reason": "Why." if status == Status.FAILED else "", "transcript_version": 1,
    }  # fmt: skip
    meeting: Meeting = MeetingFactory(owner=owner, **values | fields)
    Transcript.objects.create(meeting=meeting, version=1, recording="old", status=status)
    return meeting


def replacing(meeting: Meeting, **said: Any) -> Any:
    return an_upload(str(meeting.pk), replace=True, **said)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_new_recording_takes_the_place_of_the_old_one(committing_api: Transport, status: Status) -> None:
    owner = UserFactory()
    meeting = recorded(owner, status)
    answer = committing_api(UPLOAD, replacing(meeting, language="de"), actor=owner).meeting
    assert (answer.id, answer.title, answer.status) == (str(meeting.pk), "Weekly", Status.QUEUED)
    assert (answer.recording.filename, answer.duration_ms, answer.failure_reason) == ("talk.wav", 0, "")
    (kept,) = stored()
    assert kept.read_bytes() == a_recording()
    newest = Transcript.objects.latest("version")
    assert (newest.version, newest.recording, newest.language) == (2, kept.name, "de")
    assert answer.transcript_version == (1 if status == Status.COMPLETED else 2)


def test_old_recording_stays_until_the_new_one_is_complete(ann: User) -> None:
    meeting = recorded(ann)

    def chunks() -> Iterator[bytes]:
        yield a_recording()[:100]
        assert Path(storage().path("old")).read_bytes() == b"old"
        raise Conflict("The client went away.")

    with pytest.raises(Conflict):
        upload_recording(ann, UploadMetadata(str(meeting.pk), replace=True), chunks())
    assert [path.name for path in stored()] == ["old"]
    meeting.refresh_from_db()
    assert (meeting.status, meeting.recording, meeting.version) == (Status.COMPLETED, "old", 1)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (Status.PENDING, "This meeting has no recording that could be replaced"),
        (Status.QUEUED, "The recording is being processed"),
        (Status.PROCESSING, "The recording is being processed"),
    ],
)
def test_only_a_recording_that_was_processed(api: Transport, ann: User, status: Status, sentence: str) -> None:
    meeting = MeetingFactory(owner=ann, status=status, recording="" if status == Status.PENDING else "old")
    failed = upload_failure(api, ann, replacing(meeting))
    assert (failed.reason, sentence in failed.message) == ("CONFLICT", True)


def test_without_the_field_nothing_is_replaced(api: Transport, ann: User) -> None:
    for meeting in (recorded(ann, Status.FAILED), MeetingFactory(owner=ann, status=Status.COMPLETED)):
        failed = upload_failure(api, ann, an_upload(str(meeting.pk)))
        assert (failed.reason, "Set `replace`" in failed.message) == ("CONFLICT", True)


def test_completed_one_is_replaced_by_its_owner_only(api: Transport, ann: User, bob: User, administrator: User) -> None:
    completed = recorded(ann, participants=[bob.pk])
    for other in (bob, administrator):
        assert upload_failure(api, other, replacing(completed)).reason == "FORBIDDEN"
    failed = recorded(ann, Status.FAILED)
    assert api(UPLOAD, replacing(failed), actor=administrator).meeting.status == Status.QUEUED


def test_one_of_two_replacements_is_kept(ann: User) -> None:
    meeting = recorded(ann)

    def chunks() -> Iterator[bytes]:
        yield a_recording()
        upload_recording(ann, UploadMetadata(str(meeting.pk), replace=True), [a_recording(seconds=1)])
        # The other one is even processed before this one ends.
        Meeting.objects.filter(pk=meeting.pk).update(status=Status.COMPLETED)

    with pytest.raises(Conflict, match="Another recording was attached"):
        upload_recording(ann, UploadMetadata(str(meeting.pk), replace=True), chunks())
    meeting.refresh_from_db()
    assert storage().open(meeting.recording).read() == a_recording(seconds=1)


def test_resumable_upload_replaces_too(ann: User) -> None:
    meeting, content = recorded(ann), a_recording()
    path, _ = begun(Uploader(ann), content, meeting_id=str(meeting.pk), replace="true")
    meeting.refresh_from_db()
    assert (meeting.status, meeting.recording) == (Status.COMPLETED, "old")
    assert Uploader(ann).patch(path, 0, content).status_code == 204
    meeting.refresh_from_db()
    assert (meeting.status, meeting.recording_filename) == (Status.QUEUED, "talk.wav")
    assert storage().open(meeting.recording).read() == content


def test_resumable_upload_of_another_file_leaves_the_recording(ann: User) -> None:
    meeting, uploader = recorded(ann), Uploader(ann)
    path, _ = begun(uploader, b"<html>" * 100, meeting_id=str(meeting.pk), replace="true")
    answer = uploader.patch(path, 0, b"<html>" * 100)
    assert (answer.status_code, answer.json()["reason"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    meeting.refresh_from_db()
    assert (meeting.status, meeting.recording, meeting.version) == (Status.COMPLETED, "old", 1)
    assert [path.name for path in stored()] == ["old"]
    assert not Upload.objects.exists()


def test_one_of_two_resumable_replacements_is_kept(ann: User) -> None:
    meeting, uploader, content = recorded(ann), Uploader(ann), a_recording()
    said = {"meeting_id": str(meeting.pk), "replace": "true"}
    first, second = (begun(uploader, content, **said)[0] for _ in range(2))
    assert uploader.patch(first, 0, content).status_code == 204
    assert "being processed" in uploader.patch(second, 0, content).json()["detail"]
    meeting.refresh_from_db()
    assert storage().open(meeting.recording).read() == content


def test_recording_counts_as_replaced_if_the_old_file_cannot_be_deleted(committing_api: Transport) -> None:
    owner = UserFactory()
    meeting = recorded(owner)
    path = Path(storage().path("old"))
    path.unlink()
    path.mkdir()
    (path / "file").touch()
    answer = committing_api(UPLOAD, replacing(meeting), actor=owner).meeting
    assert (answer.status, answer.recording.filename) == (Status.QUEUED, "talk.wav")
