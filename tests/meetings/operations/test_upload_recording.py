import hashlib
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from changes.models import Change
from core.errors import Cancelled
from meetings.models import Meeting, Status
from meetings.services.recordings import UploadMetadata, upload_recording
from tandem.meeting.v1 import meeting_pb2
from tandem.meeting.v1.meeting_pb2 import DeleteMeetingRequest, UploadRecordingRequest
from tests.jobs import due
from tests.support.factories import MeetingFactory
from tests.support.grpc_transport import GrpcTransport
from tests.support.recordings import a_recording, an_upload, stored
from tests.support.rest_transport import RestTransport
from tests.support.transports import Failed, Transport
from users.models import User

UPLOAD = "MeetingService/UploadRecording"
PATH = "/api/v1/meetings/upload"

pytestmark = pytest.mark.usefixtures("folder")


def upload_failure(api: Transport, actor: User, upload: list[UploadRecordingRequest]) -> Failed:
    """Upload a recording that is rejected, and return the failure, which leaves nothing behind."""
    before = [list(Meeting.objects.values()), stored()]
    failed = api.failure(UPLOAD, upload, actor=actor)
    assert [list(Meeting.objects.values()), stored()] == before
    return failed


def test_recording_is_stored_and_queued(api: Transport, ann: User) -> None:
    meeting = MeetingFactory(owner=ann)
    content = a_recording(seconds=10)
    answer = api.answer(UPLOAD, an_upload(str(meeting.pk), content), actor=ann)
    received = answer.message.meeting
    assert (received.id, received.status) == (str(meeting.pk), meeting_pb2.MEETING_STATUS_QUEUED)
    assert (received.recording.filename, received.recording.content_type) == ("talk.wav", "audio/wav")
    assert (received.recording.size, received.recording.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert received.recording.HasField("uploaded_at")
    assert (received.version, answer.version) == (2, 2)
    (file,) = stored()
    assert file.read_bytes() == content
    assert file.stat().st_mode & 0o777 == 0o600
    meeting.refresh_from_db()
    assert meeting.recording == file.name
    assert Change.objects.filter(subject_id=meeting.pk).latest("id").actor == str(ann.pk)


def test_recordings_of_one_owner_take_turns_with_those_of_others(
    api: Transport, ann: User, administrator: User
) -> None:
    meeting = MeetingFactory(owner=ann)
    api(UPLOAD, an_upload(str(meeting.pk)), actor=administrator)
    api(UPLOAD, an_upload(), actor=ann)
    assert [job.fairness_key for job in due("meetings.process")] == [str(ann.pk)] * 2


def test_without_a_meeting_it_makes_one(api: Transport, ann: User) -> None:
    titled = api(UPLOAD, an_upload(title=" Weekly "), actor=ann).meeting
    named = api(UPLOAD, an_upload(filename="talk of today.wav"), actor=ann).meeting
    assert (titled.title, named.title) == ("Weekly", "talk of today.wav")
    assert {titled.owner, named.owner} == {str(ann.pk)}
    assert len(stored()) == Meeting.objects.filter(owner=ann, status=Status.QUEUED).count() == 2


def test_a_meeting_has_one_recording(api: Transport, ann: User) -> None:
    upload = an_upload(str(MeetingFactory(owner=ann).pk))
    api(UPLOAD, upload, actor=ann)
    assert upload_failure(api, ann, upload).reason == "CONFLICT"
    assert len(stored()) == 1


def test_only_users_who_may_change_the_meeting(api: Transport, ann: User, bob: User, support: User) -> None:
    upload = an_upload(str(MeetingFactory(owner=ann, participants=[bob.pk]).pk))
    assert upload_failure(api, bob, upload).reason == "FORBIDDEN"
    assert upload_failure(api, support, upload).reason == "NOT_FOUND"


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"sha256": "0" * 64}, {"sha256": "mismatch"}),
        ({"sha256": "x"}, {"sha256": "sha256"}),
        ({"size": 1_000_000}, {"size": "mismatch"}),
        ({"size": -1}, {"size": "range"}),
        ({"filename": "x" * 256}, {"filename": "max_length"}),
        ({"title": "x" * 201}, {"title": "max_length"}),
    ],
)
def test_size_and_hash_must_match_the_metadata(
    api: Transport, ann: User, said: dict[str, object], fields: dict[str, str]
) -> None:
    failed = upload_failure(api, ann, an_upload(**said))
    assert (failed.reason, failed.fields) == ("INVALID", fields)


def test_a_client_need_not_know_size_and_hash(api: Transport, ann: User) -> None:
    assert api(UPLOAD, an_upload(size=0, sha256=""), actor=ann).meeting.recording.size == len(a_recording())


@pytest.mark.parametrize("content", [b"", b"x", b"<html>" * 100, b"%PDF-1.7" + bytes(1000)])
def test_file_that_is_not_audio_is_rejected(api: Transport, ann: User, content: bytes) -> None:
    assert upload_failure(api, ann, an_upload(content=content)).reason == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize(
    "beginning", [b"ID3\x04", b"\xff\xfb\x90", b"fLaC", b"OggS", b"\0\0\0\x20ftypM4A ", b"\x1a\x45\xdf\xa3"]
)
def test_content_that_begins_as_audio_is_accepted(api: Transport, ann: User, beginning: bytes) -> None:
    answer = api(UPLOAD, an_upload(content=beginning + bytes(100)), actor=ann)
    assert answer.meeting.status == meeting_pb2.MEETING_STATUS_QUEUED


def test_too_large_recording_is_rejected(api: Transport, ann: User, settings: Any) -> None:
    settings.MAX_RECORDING_BYTES = 1000
    assert upload_failure(api, ann, an_upload()).reason == "TOO_LARGE"


def test_a_full_disk(api: Transport, ann: User) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        failed = upload_failure(api, ann, an_upload(content=a_recording(seconds=60)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (failed.reason, "Insufficient storage" in failed.message) == ("UNAVAILABLE", True)


def test_an_upload_that_breaks_off_leaves_nothing(ann: User) -> None:
    def chunks() -> Iterator[bytes]:
        yield a_recording()
        assert len(stored()) == 1
        raise Cancelled("The client went away.")

    with pytest.raises(Cancelled):
        upload_recording(ann, UploadMetadata(title="T"), chunks())
    assert (stored(), Meeting.objects.count()) == ([], 0)


def test_only_one_of_concurrent_uploads_is_kept(ann: User) -> None:
    meeting = MeetingFactory(owner=ann)

    def chunks() -> Iterator[bytes]:
        yield a_recording()
        upload_recording(ann, UploadMetadata(str(meeting.pk)), [a_recording(seconds=1)])

    with pytest.raises(Exception, match="already has a recording"):
        upload_recording(ann, UploadMetadata(str(meeting.pk)), chunks())
    (kept,) = stored()
    assert kept.read_bytes() == a_recording(seconds=1)


def test_recording_is_deleted_with_its_meeting(committing_api: Transport, folder: Path) -> None:
    owner = MeetingFactory().owner
    made = committing_api(UPLOAD, an_upload(), actor=owner).meeting
    assert len(stored()) == 1
    committing_api("MeetingService/DeleteMeeting", DeleteMeetingRequest(meeting_id=made.id), actor=owner)
    assert stored() == []


# Over gRPC


@pytest.mark.parametrize(
    ("upload", "fields"),
    [
        ([], {"metadata": "required"}),
        (an_upload()[1:], {"metadata": "required"}),
        (an_upload()[:1] * 2, {"chunk": "required"}),
        ([*an_upload()[:1], UploadRecordingRequest(chunk=bytes(65_537))], {"chunk": "max_length"}),
    ],
)
def test_a_stream_out_of_order(ann: User, upload: list[UploadRecordingRequest], fields: dict[str, str]) -> None:
    assert upload_failure(GrpcTransport(), ann, upload).fields == fields


# Over HTTP


def post(ann: User, body: bytes, content_type: str = "multipart/form-data; boundary=b") -> dict[str, Any]:
    headers = {"authorization": RestTransport().bearer(ann)}
    response = Client(HTTP_HOST="localhost").post(PATH, body, content_type, headers=headers)
    assert (stored(), Meeting.objects.count()) == ([], 0) or response.status_code == 202
    received: dict[str, Any] = response.json()
    return received


def part(name: str, content: bytes, filename: str = "") -> bytes:
    named = f'; filename="{filename}"' if filename else ""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"


def test_a_form(ann: User) -> None:
    received = post(
        ann, part("title", "Café".encode()) + part("file", a_recording(), "C:\\my\\talk.wav") + b"--b--\r\n"
    )
    assert received["title"] == "Café"
    assert received["status"] == "queued"
    assert received["recording"]["filename"] == "talk.wav"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (part("file", a_recording(), "f") + b"--b", "INVALID"),
        (part("file", a_recording(), "f")[:-100], "INVALID"),
        (part("title", b"T")[:20], "INVALID"),
        (part("title", b"T") + b"--b--", "INVALID"),
        (part("file", a_recording(), "f") + part("title", b"T") + b"--b--", "INVALID"),
        (part("file", a_recording(), "f") * 2 + b"--b--", "INVALID"),
        (part("moon", b"x") + part("file", a_recording(), "f") + b"--b--", "INVALID"),
        (part("size", b"x") + part("file", a_recording(), "f") + b"--b--", "INVALID"),
        (part("title", b"x" * 70_000) + part("file", a_recording(), "f") + b"--b--", "INVALID"),
        (part("other", a_recording(), "f") + b"--b--", "INVALID"),
    ],
)
def test_incomplete_or_unknown_form_is_rejected(ann: User, body: bytes, reason: str) -> None:
    assert post(ann, body)["reason"] == reason


def test_a_form_without_its_closing_boundary_is_the_clients_fault(ann: User) -> None:
    """The body is whole by its length: the client has not cancelled the call."""
    received = post(ann, part("title", b"T") + part("file", a_recording(), "f.wav"))
    assert (received["status"], received["detail"]) == (
        400,
        "The form is not complete: its closing boundary is missing.",
    )


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ('filename="naïve.wav"', "naïve.wav"),
        ('filename="na\N{ZERO WIDTH JOINER}ïve.wav"', "na\N{ZERO WIDTH JOINER}ïve.wav"),
        ('filename="a %22naive%22 talk.wav"', 'a "naive" talk.wav'),
        ('filename=""', ""),
        ("filename*=UTF-8''na%C3%AFve.wav", "naïve.wav"),
        ("filename=\"x\"; filename*=UTF-8''x", "x"),
    ],
)
def test_file_name_may_be_encoded_in_any_form(ann: User, said: str, name: str) -> None:
    form = part("file", a_recording(), "f").replace(b'filename="f"', said.encode()) + b"--b--\r\n"
    received = post(ann, form)
    assert (received["title"], received["recording"]["filename"]) == (name or "Untitled recording", name)


@pytest.mark.parametrize(
    ("encoding", "name"), [("latin-1", "naïve.wav"), ("cp1252", "naïve – “talk”.wav"), ("utf-8", "naïve – “talk”.wav")]
)
def test_file_name_may_be_in_the_encoding_of_an_old_client(ann: User, encoding: str, name: str) -> None:
    form = part("file", a_recording(), "f").replace(b'"f"', f'"{name}"'.encode(encoding)) + b"--b--\r\n"
    received = post(ann, form)
    assert (received["title"], received["recording"]["filename"]) == (name, name)


@pytest.mark.parametrize("name", ["idna''%ff", "undefined''x", "UTF\0''x"])
def test_file_name_in_an_unknown_encoding_is_rejected(ann: User, name: str) -> None:
    form = part("file", a_recording(), "f").replace(b'filename="f"', b"filename*=" + name.encode()) + b"--b--\r\n"
    (error,) = post(ann, form)["errors"]
    assert error == {"pointer": "#", "code": "form", "detail": "The form cannot be read."}


def test_text_around_the_parts_of_a_form_is_ignored(ann: User) -> None:
    form = part("title", b"T") + part("file", a_recording(), "f.wav") + b"--b--"
    for before, after in ((b"", b"\r\n"), (b"", b"\r\nepilogue"), (b"preamble\r\n", b""), (b"\r\n", b"")):
        assert post(ann, before + form + after)["title"] == "T"
    # After its end a form has no parts, even if bytes look like one.
    assert post(ann, form + b"\r\n" + part("title", b"Other") + b"--b--\r\n" + b"x" * 300_000)["title"] == "T"


def test_a_form_in_which_no_part_begins_is_refused(ann: User) -> None:
    form = part("file", a_recording(), "f.wav") + b"--b--"
    (error,) = post(ann, b"x" * 200_000 + b"\r\n" + form)["errors"]
    assert error == {"pointer": "#", "code": "form", "detail": "The form cannot be read: it has no part."}
    assert post(ann, b"--b--\r\n" + form)["errors"][0]["pointer"] == "#/file"


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        (part("title", b"a") + part("title", b"b"), ("#/title", "duplicate")),
        (part("", b"a"), ("#", "form")),
        (part("title", b"a").replace(b'; name="title"', b""), ("#", "form")),
        (part("title", b"a").replace(b"form-data", b"attachment"), ("#", "form")),
        (part("title", b"a").replace(b"Content-Disposition", b"Content-Type"), ("#", "form")),
        (part("title", b"a").replace(b"\r\n\r\n", b"\r\nX: " + b"x" * 10_000 + b"\r\n\r\n"), ("#", "form")),
        (part("title", b"a").replace(b"\r\n\r\n", b"\r\nX: x" * 1_000 + b"\r\n\r\n"), ("#", "form")),
        (part("title", b"a").replace(b"\r\n\r\n", b"\r\nX: " + b"x" * 200_000), ("#", "form")),
        (b"".join(part(f"f{n}", b"") for n in range(64_000)), ("#", "form")),
        (b"".join(part("vocabulary", b"x") for n in range(64_000)), ("#", "form")),
        (b"".join(part("", b"") for n in range(64_000)), ("#", "form")),
        (part("title", b"x" * 140_000) + part("sha256", b"x" * 140_000), ("#", "form")),
        (part("title", b"a", "a.txt"), ("#/title", "unknown")),
    ],
)
def test_number_of_fields_is_limited_and_duplicates_are_rejected(
    ann: User, fields: bytes, fault: tuple[str, str]
) -> None:
    begun = time.thread_time()
    received = post(ann, fields + part("file", a_recording(), "f") + b"--b--\r\n")
    assert [(error["pointer"], error["code"]) for error in received["errors"]] == [fault]
    assert time.thread_time() - begun < 1


def test_a_body_that_is_no_form(ann: User) -> None:
    assert post(ann, b"{}", "application/json")["reason"] == "UNSUPPORTED_MEDIA_TYPE"
    assert post(ann, b"x", "multipart/form-data")["reason"] == "UNSUPPORTED_MEDIA_TYPE"
