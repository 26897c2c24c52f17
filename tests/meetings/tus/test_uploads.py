"""Resumable uploads (tus 1.0)."""

import base64
import fcntl
import hashlib
import random
import resource
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from changes.models import Change
from core.errors import Cancelled
from core.uploads import files, resumable
from meetings import services
from meetings.models import Meeting, Status, Upload
from meetings.services import recordings
from meetings.services.resumable import RECORDINGS
from tests.support.factories import ApiKeyFactory, MeetingFactory, ServiceFactory, bearer_of
from tests.support.recordings import a_recording, stored
from tests.support.servers import PATIENCE_SECONDS, until
from tests.support.uploads import UPLOADS, Uploader, begun
from users.models import User

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def uploader(ann: User) -> Uploader:
    return Uploader(ann)


def test_upload_arrives_in_pieces(uploader: Uploader, ann: User) -> None:
    content = a_recording(seconds=20)
    path, meeting = begun(uploader, content, title="Weekly", sha256=hashlib.sha256(content).hexdigest().upper())
    assert (meeting.title, meeting.owner, meeting.status) == ("Weekly", ann, Status.PENDING)
    assert uploader.offset(path) == 0
    pieces, rng = [0, len(content)], random.Random(1)
    pieces = sorted([*pieces, *rng.sample(range(1, len(content)), 50)])
    for start, end in pairwise(pieces):
        answer = uploader.patch(path, start, content[start:end])
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(end))
    meeting.refresh_from_db()
    assert (meeting.status, meeting.recording_filename) == (Status.QUEUED, "talk.wav")
    assert (meeting.recording_content_type, meeting.recording_size) == ("audio/wav", len(content))
    (kept,) = stored()
    assert kept.read_bytes() == content
    assert kept.name == meeting.recording
    # A client that missed the last answer asks for the offset, or sends an empty piece.
    assert uploader.offset(path) == len(content)
    assert uploader.patch(path, len(content), b"").status_code == 204


def test_options_name_the_offered_extensions(uploader: Uploader) -> None:
    for path in (UPLOADS, f"{UPLOADS}/x"):
        answer = Client(HTTP_HOST="localhost").options(path)
        assert (answer.status_code, answer.headers["Tus-Version"]) == (204, "1.0.0")
        assert answer.headers["Tus-Extension"] == (
            "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination"
        )
        assert answer.headers["Tus-Max-Size"] == str(settings.MAX_RECORDING_BYTES)
        assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"


def test_another_version_is_refused(uploader: Uploader) -> None:
    for version in ("0.2.2", ""):
        answer = uploader.send("POST", UPLOADS, upload_length="10", tus_resumable=version)
        assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")
    assert not Upload.objects.exists()


def test_interrupted_piece_is_continued(ann: User, uploader: Uploader) -> None:
    content = a_recording(seconds=1)
    path, meeting = begun(uploader, content)

    def broken() -> Iterator[bytes]:
        yield content[:1000]
        yield content[1000:3000]
        raise Cancelled("The client went away.")

    upload_id = path.rpartition("/")[2]
    with pytest.raises(Cancelled):
        resumable.append(RECORDINGS, ann, upload_id, 0, broken())
    assert uploader.offset(path) == 3000
    # A process that died had stored more than it acknowledged.
    with files.resumed_path(Upload.objects.get().pk).open("ab") as part:
        part.write(b"never acknowledged")
    Upload.objects.update(updated_at=timezone.now() - timedelta(days=1))
    assert uploader.patch(path, 3000, content[3000:]).status_code == 204
    meeting.refresh_from_db()
    assert stored()[0].read_bytes() == content
    assert meeting.status == Status.QUEUED


def test_offset_must_match(uploader: Uploader) -> None:
    path, _ = begun(uploader, a_recording())
    for offset in (1, 10_000):
        answer = uploader.patch(path, offset, b"x")
        assert (answer.status_code, answer.json()["reason"]) == (409, "CONFLICT")
    assert uploader.offset(path) == 0


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_damaged_piece_is_discarded(uploader: Uploader, algorithm: str) -> None:
    content = a_recording()
    path, meeting = begun(uploader, content)
    right, wrong = (
        f"{algorithm} {base64.b64encode(hashlib.new(algorithm, piece).digest()).decode()}" for piece in (content, b"x")
    )
    answer = uploader.patch(path, 0, content, upload_checksum=wrong)
    assert (answer.status_code, answer.json()["reason"]) == (460, "CHECKSUM_MISMATCH")
    assert uploader.offset(path) == 0
    assert uploader.patch(path, 0, content, upload_checksum=right).status_code == 204
    meeting.refresh_from_db()
    assert meeting.status == Status.QUEUED


@pytest.mark.parametrize(
    ("content", "metadata", "reason"),
    [
        (b"<html>" * 100, {}, "The file is not a recording"),
        (a_recording(), {"sha256": "0" * 64}, "SHA-256 mismatch"),
    ],
)
def test_file_without_audio_fails_its_meeting(
    uploader: Uploader, content: bytes, metadata: dict[str, str], reason: str
) -> None:
    path, meeting = begun(uploader, content, **metadata)
    assert uploader.patch(path, 0, content).status_code == 204
    meeting.refresh_from_db()
    assert (meeting.status, reason in meeting.failure_reason) == (Status.FAILED, True)
    assert stored() == []
    # Another may be sent.
    again, _ = begun(uploader, a_recording(), meeting_id=str(meeting.pk))
    assert uploader.patch(again, 0, a_recording()).status_code == 204
    meeting.refresh_from_db()
    assert (meeting.status, meeting.failure_reason) == (Status.QUEUED, "")


def test_more_than_was_announced(uploader: Uploader) -> None:
    path, _ = begun(uploader, a_recording())
    answer = uploader.patch(path, 0, a_recording() + b"x")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "#/upload-length")
    assert uploader.offset(path) == 0


def test_bytes_beyond_the_length_are_rejected(uploader: Uploader) -> None:
    content = a_recording()
    path, meeting = begun(uploader, content)
    uploader.patch(path, 0, content)
    answer = uploader.patch(path, len(content), b"x")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "#/upload-length")
    assert uploader.patch(path, len(content), b"").status_code == 204
    meeting.refresh_from_db()
    assert (meeting.status, stored()[0].read_bytes()) == (Status.QUEUED, content)


def test_offset_grows_while_a_piece_arrives(transactional_db: None, ann: User, uploader: Uploader) -> None:
    path, _ = begun(uploader, a_recording(seconds=10))
    begins, asked, sent = threading.Event(), threading.Event(), bytearray()

    def piece() -> Iterator[bytes]:
        begins.set()
        while not asked.wait(0.02):
            sent.extend(b"RIFF")
            yield b"RIFF"
        raise Cancelled("The client went away.")

    def bring() -> None:
        try:
            with pytest.raises(Cancelled):
                resumable.append(RECORDINGS, ann, path.rpartition("/")[2], 0, piece())
        finally:
            connection.close()

    request = threading.Thread(target=bring)
    request.start()
    try:
        assert begins.wait(PATIENCE_SECONDS)
        began = time.monotonic()
        uploader.offset(path)
        assert time.monotonic() - began < 1, "it waited for the other request"
        assert uploader.patch(path, 0, b"x").status_code == 423
        until(lambda: uploader.offset(path) > 0, "what has come is counted while more may come")
    finally:
        asked.set()
        request.join()
    assert uploader.offset(path) == len(sent)


def test_upload_counts_as_whole_while_it_is_completed(uploader: Uploader) -> None:
    content = a_recording()
    path, _ = begun(uploader, content)
    uploader.patch(path, 0, content[:-1])
    Upload.objects.update(offset=len(content))
    with stored()[0].open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert uploader.offset(path) == len(content)


def test_upload_can_be_deleted(uploader: Uploader) -> None:
    path, meeting = begun(uploader, a_recording())
    uploader.patch(path, 0, b"RIFF")
    assert len(stored()) == 1
    assert uploader.send("POST", path, x_http_method_override="DELETE").status_code == 204
    assert stored() == []
    assert uploader.send("HEAD", path).status_code == 404
    assert uploader.send("DELETE", path).status_code == 404
    assert not Meeting.objects.filter(pk=meeting.pk).exists()


def test_meeting_of_a_deleted_upload_stays_if_somebody_uses_it(uploader: Uploader, ann: User) -> None:
    own = MeetingFactory(owner=ann)
    (changed, meeting), (other, _) = (
        begun(uploader, a_recording()),
        begun(uploader, a_recording(), meeting_id=str(own.pk)),
    )
    services.update_meeting(ann, str(meeting.pk), {"title": "Weekly"})
    for path in (changed, other):
        assert uploader.send("DELETE", path).status_code == 204
    assert set(Meeting.objects.values_list("pk", flat=True)) == {meeting.pk, own.pk}


def test_meeting_of_a_deleted_upload_stays_for_another_upload(uploader: Uploader) -> None:
    path, meeting = begun(uploader, a_recording())
    other, _ = begun(uploader, a_recording(), meeting_id=str(meeting.pk))
    uploader.patch(other, 0, b"RIFF")
    assert uploader.send("DELETE", path).status_code == 204
    assert uploader.offset(other) == 4


def test_meeting_of_an_expired_upload_is_deleted(uploader: Uploader, ann: User) -> None:
    (_, untouched), (_, changed), (whole, complete) = (begun(uploader, a_recording()) for _ in range(3))
    services.update_meeting(ann, str(changed.pk), {"title": "Weekly"})
    uploader.patch(whole, 0, a_recording())
    Upload.objects.update(updated_at=timezone.now() - resumable.RETENTION)
    resumable.prune()
    assert set(Meeting.objects.values_list("pk", flat=True)) == {changed.pk, complete.pk}
    assert Change.objects.get(subject_id=untouched.pk, operation="deleted").actor == "uploads"


def test_upload_of_another_user_is_not_found(uploader: Uploader, bob: User, administrator: User) -> None:
    path, meeting = begun(uploader, a_recording())
    Meeting.objects.filter(pk=meeting.pk).update(participants=[bob.pk])
    for other in (bob, administrator):
        for method in ("HEAD", "PATCH", "DELETE"):
            assert Uploader(other).send(method, path, upload_offset="0").status_code == 404
    assert Client(HTTP_HOST="localhost").head(path, headers={"tus-resumable": "1.0.0"}).status_code == 401


def test_a_key_needs_the_scope(db: None) -> None:
    for scopes, status in ((["meetings:read"], 403), (["meetings:write"], 201)):
        key = bearer_of(ApiKeyFactory(user=ServiceFactory(), scopes=scopes))
        headers = {"authorization": key, "tus-resumable": "1.0.0", "upload-length": "9"}
        metadata = {"upload-metadata": f"filename {base64.b64encode(b'f').decode()}"}
        assert Client(HTTP_HOST="localhost").post(UPLOADS, headers={**headers, **metadata}).status_code == status


def test_only_one_upload_to_a_meeting_is_kept(uploader: Uploader, ann: User) -> None:
    meeting = MeetingFactory(owner=ann)
    content = a_recording()
    path, _ = begun(uploader, content, meeting_id=str(meeting.pk))
    recordings.upload_recording(ann, recordings.UploadMetadata(str(meeting.pk)), [a_recording(seconds=1)])
    assert uploader.patch(path, 0, content).json()["reason"] == "CONFLICT"
    assert uploader.create(10, meeting_id=str(meeting.pk)).json()["reason"] == "CONFLICT"
    assert [path.read_bytes() for path in stored()] == [a_recording(seconds=1)]
    assert not Upload.objects.exists()


def test_bad_requests(uploader: Uploader, bob: User) -> None:
    another = MeetingFactory(owner=bob)
    for answer, reason in (
        (uploader.create(0, filename="f"), "INVALID"),
        (uploader.create(5_000_000_000, filename="f"), "TOO_LARGE"),
        (uploader.create(10**23 - 1, filename="f"), "TOO_LARGE"),
        (uploader.send("POST", UPLOADS, upload_length="9" * 5_000), "INVALID"),
        (uploader.create(10, meeting_id=str(another.pk)), "NOT_FOUND"),
        (uploader.send("POST", UPLOADS, upload_length="x"), "INVALID"),
        (uploader.send("POST", UPLOADS, upload_length="1", upload_metadata="filename §"), "INVALID"),
        (uploader.send("GET", UPLOADS), "METHOD_NOT_ALLOWED"),
    ):
        assert answer.json()["reason"] == reason
    assert not Upload.objects.exists()
    path, _ = begun(uploader, a_recording())
    for headers, reason in (
        ({"content_type": "audio/wav", "upload_offset": "0"}, "UNSUPPORTED_MEDIA_TYPE"),
        ({}, "INVALID"),
        ({"upload_offset": "0", "upload_checksum": "crc32 x"}, "INVALID"),
    ):
        assert uploader.send("PATCH", path, b"RIFF", **headers).json()["reason"] == reason


def test_concurrent_requests_to_an_upload_are_locked(uploader: Uploader) -> None:
    path, _ = begun(uploader, a_recording())
    uploader.patch(path, 0, b"RIFF")
    with stored()[0].open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        answer = uploader.patch(path, 4, b"x")
        assert (answer.status_code, answer.json()["reason"]) == (423, "LOCKED")
        assert answer.headers["Retry-After"] == "1"
    assert uploader.offset(path) == 4


def test_on_a_full_disk_it_waits(uploader: Uploader) -> None:
    content = a_recording(seconds=60)
    path, _ = begun(uploader, content)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        assert uploader.patch(path, 0, content).json()["reason"] == "UNAVAILABLE"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    offset = uploader.offset(path)
    assert offset == 1_000_000
    assert uploader.patch(path, offset, content[offset:]).status_code == 204
    assert stored()[0].read_bytes() == content


@pytest.mark.parametrize("moved", [False, True])
def test_an_end_that_a_process_did_not_live_to_see_is_made_up_for(uploader: Uploader, moved: bool) -> None:
    content = a_recording()
    path, meeting = begun(uploader, content)
    uploader.patch(path, 0, content[:-1])
    upload = Upload.objects.get()
    with files.resumed(RECORDINGS.kind, upload.pk) as file:
        file.cut(len(content) - 1)
        file.write(content[-1:])
        file.flush()
        if moved:
            file.keep()
    Upload.objects.update(offset=len(content))
    assert uploader.offset(path) == len(content)
    meeting.refresh_from_db()
    assert meeting.status == Status.QUEUED
    (kept,) = stored()
    assert (kept.name, kept.read_bytes()) == (meeting.recording, content)


def test_expired_upload_is_gone_before_it_is_deleted(uploader: Uploader) -> None:
    path, _ = begun(uploader, a_recording())
    received = parsedate_to_datetime(uploader.send("HEAD", path).headers["Upload-Expires"])
    assert abs(received - Upload.objects.get().updated_at - resumable.RETENTION) < timedelta(seconds=1)
    Upload.objects.update(updated_at=timezone.now() - resumable.RETENTION)
    assert [uploader.send("HEAD", path).status_code, uploader.patch(path, 0, b"RIFF").status_code] == [404, 404]
    assert uploader.send("DELETE", path).status_code == 404
    # A piece puts the end off.
    Upload.objects.update(updated_at=timezone.now() - resumable.RETENTION + timedelta(hours=1))
    until_then = parsedate_to_datetime(uploader.patch(path, 0, b"RIFF").headers["Upload-Expires"])
    assert until_then - timezone.now() > resumable.RETENTION - timedelta(minutes=1)


def test_abandoned_uploads_are_deleted(uploader: Uploader, folder: Path) -> None:
    (old, _), (deleted, meeting), (young, _) = (begun(uploader, a_recording()) for _ in range(3))
    for path in (old, deleted, young):
        uploader.patch(path, 0, b"RIFF")
    Upload.objects.filter(pk=old.rpartition("/")[2]).update(updated_at=timezone.now() - resumable.RETENTION)
    meeting.delete()
    assert resumable.prune() == 2
    assert [path.stem for path in stored()] == [young.rpartition("/")[2]]
