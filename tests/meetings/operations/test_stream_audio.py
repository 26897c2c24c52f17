"""StreamAudio: what is stored, resumed and refused. What is recognized: tests/meetings/live."""

import hashlib
import io
import wave
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.errors import Conflict, TooLarge
from core.uploads.files import resumed_path
from meetings.models import Meeting, Status, Transcript, Upload
from meetings.services import files, live
from meetings.services.live import LiveConfig, Source, open_source
from tandem.meeting.v1.meeting_pb2 import (
    LIVE_AUDIO_FORMAT_WEBM_OPUS,
    MEETING_STATUS_QUEUED,
    RECOGNITION_STATE_WAITING,
    CancelProcessingRequest,
    DeleteMeetingRequest,
)
from tests.jobs import due, run_jobs
from tests.support.factories import MeetingFactory
from tests.support.live_audio import STREAM, acknowledged, audio, config, end, kinds, parts, samples
from tests.support.recordings import an_upload, stored
from tests.support.transports import Transport
from users.models import User

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def meeting(db: None, ann: User, bob: User) -> Meeting:
    made: Meeting = MeetingFactory(owner=ann, participants=[bob.pk])
    return made


@pytest.fixture
def kept(request: pytest.FixtureRequest, transactional_db: None, ann: User) -> Meeting:
    """A meeting whose row is committed."""
    made: Meeting = MeetingFactory(owner=ann)
    return made


def a_source(actor: User, meeting: Meeting, **fields: Any) -> Source:
    return open_source(actor, LiveConfig(str(meeting.pk), 1, 16_000, **fields))


def send(source: Source, first: int, last: int) -> None:
    for part in parts(first, last):
        source.add(part.audio.seq, part.audio.data)
    source.flush()


def sound_of(meeting: Meeting) -> bytes:
    meeting.refresh_from_db()
    with files.storage().open(meeting.recording) as file, wave.open(io.BytesIO(file.read())) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16_000, 1, 2)
        return sound.readframes(sound.getnframes())


def test_audio_becomes_the_recording(watching: Transport, kept: Meeting, ann: User) -> None:
    answers = watching(STREAM, [config(kept.pk), *parts(1, 12), end()], actor=ann)
    assert kinds(answers)[0] == "ready"
    assert answers[0].ready.stored_seq == 0
    assert [one.recognition.state for one in answers if one.HasField("recognition")] == [RECOGNITION_STATE_WAITING]
    assert acknowledged(answers) == 12
    ended = answers[-1].end.meeting
    assert (ended.id, ended.status, ended.live) == (str(kept.pk), MEETING_STATUS_QUEUED, False)
    assert sound_of(kept) == samples(1, 12)
    (file,) = stored()
    assert ended.recording.size == kept.recording_size == file.stat().st_size
    assert ended.recording.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    version = Transcript.objects.get(meeting=kept)
    assert (version.version, version.recording_sha256) == (ended.transcript_version, ended.recording.sha256)
    assert [job.live for job in due("meetings.process")] == [False]


def test_a_client_that_returns_continues_after_the_stored_part(watching: Transport, kept: Meeting, ann: User) -> None:
    assert acknowledged(watching(STREAM, [config(kept.pk), *parts(1, 5)], actor=ann)) == 5
    kept.refresh_from_db()
    assert (kept.live, kept.recording) == (True, "")
    again = [config(kept.pk, resume_from_seq=4), *parts(4, 8), end()]
    answers = watching(STREAM, again, actor=ann)
    assert answers[0].ready.stored_seq == 5
    assert acknowledged(answers) == 8
    assert sound_of(kept) == samples(1, 8)


def test_a_repeated_part_is_acknowledged_again(watching: Transport, kept: Meeting, ann: User) -> None:
    watching(STREAM, [config(kept.pk), *parts(1, 3)], actor=ann)
    answers = watching(STREAM, [config(kept.pk), audio(2)], actor=ann)
    assert [one.ack.seq for one in answers if one.HasField("ack")] == [3]


def test_a_missing_part_is_named(watching: Transport, kept: Meeting, ann: User) -> None:
    failed = (
        watching.failure(STREAM, [config(kept.pk), *parts(1, 2), audio(4)], actor=ann)
        if (watching.name == "grpc")
        else None
    )
    if failed:
        assert failed.violations == [("audio.seq", "gap", "Part 3 is expected; 4 was received.")]
        assert watching(STREAM, [config(kept.pk)], actor=ann)[0].ready.stored_seq == 2
    resumed = config(kept.pk, resume_from_seq=9)
    assert watching.failure(STREAM, [resumed], actor=ann).violations[0][:2] == ("config.resume_from_seq", "gap")


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"format": 0}, "config.format", "choice"),
        ({"sample_rate": 7_999}, "config.sample_rate", "range"),
        ({"sample_rate": 96_001}, "config.sample_rate", "range"),
        ({"language": "english"}, "config.language", None),
        ({"resume_from_seq": -1}, "config.resume_from_seq", "range"),
        ({"resume_from_seq": 2}, "config.resume_from_seq", "gap"),
    ],
)
def test_invalid_configuration(
    api: Transport, meeting: Meeting, ann: User, fields: dict[str, Any], field: str, code: str | None
) -> None:
    failed = api.failure(STREAM, [config(meeting.pk, **fields)], actor=ann)
    ((at, why, _),) = failed.violations
    assert (at, why) == (field, code or why)
    assert not Upload.objects.exists()


def test_the_first_message_is_the_configuration(api: Transport, ann: User) -> None:
    for sent in ([], [audio(1)], [end()]):
        assert api.failure(STREAM, sent, actor=ann).violations[0][:2] == ("config", "required")


def test_who_may_record(api: Transport, meeting: Meeting, bob: User, support: User) -> None:
    assert api.failure(STREAM, [config(meeting.pk)], actor=bob).reason == "FORBIDDEN"
    assert api.failure(STREAM, [config(meeting.pk)], actor=support).reason == "NOT_FOUND"
    assert api.failure(STREAM, [config(meeting.pk)]).reason == "UNAUTHENTICATED"


def test_a_meeting_has_one_recording(api: Transport, meeting: Meeting, ann: User, administrator: User) -> None:
    send(a_source(ann, meeting), 1, 1)
    refused = api.failure("MeetingService/UploadRecording", an_upload(str(meeting.pk)), actor=ann)
    assert (refused.reason, refused.message) == ("CONFLICT", "This meeting is being recorded at present.")
    another = api.failure(STREAM, [config(meeting.pk)], actor=administrator)
    assert (another.reason, another.message) == ("CONFLICT", "Another user sends the audio of this meeting.")
    cancelled = api.failure(
        "MeetingService/CancelProcessing", CancelProcessingRequest(meeting_id=str(meeting.pk)), actor=ann
    )
    assert cancelled.reason == "CONFLICT"
    a_source(ann, meeting).end()
    ended = api.failure(STREAM, [config(meeting.pk)], actor=ann)
    assert ended.message.startswith("This meeting already has a recording.")


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"sample_rate": 48_000}, "config.sample_rate"), ({"format": LIVE_AUDIO_FORMAT_WEBM_OPUS}, "config.format")],
)
def test_a_client_returns_with_the_same_format(
    api: Transport, meeting: Meeting, ann: User, fields: dict[str, Any], field: str
) -> None:
    send(a_source(ann, meeting), 1, 1)
    assert api.failure(STREAM, [config(meeting.pk, **fields)], actor=ann).violations[0][:2] == (field, "mismatch")


def test_a_newer_connection_takes_over(meeting: Meeting, ann: User) -> None:
    older = a_source(ann, meeting)
    send(older, 1, 2)
    older.add(3, samples(3, 3))  # Not stored yet.
    newer = a_source(ann, meeting)
    assert newer.stored_seq == 2
    with pytest.raises(Conflict, match="A newer connection"):
        older.flush()
    send(newer, 3, 4)
    with pytest.raises(Conflict, match="A newer connection"):
        older.end()
    newer.end()
    assert sound_of(meeting) == samples(1, 4)
    with pytest.raises(Conflict, match="The recording has ended"):
        send(newer, 5, 5)


def test_bytes_that_are_not_counted_are_cut_off(meeting: Meeting, ann: User) -> None:
    send(a_source(ann, meeting), 1, 2)
    with resumed_path(Upload.objects.get().pk).open("ab") as file:
        file.write(b"left by a process that died before it counted them")
    source = a_source(ann, meeting)
    send(source, 3, 3)
    source.end()
    assert sound_of(meeting) == samples(1, 3)


def test_a_recording_that_was_moved_but_not_attached_is_ended_later(
    meeting: Meeting, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = a_source(ann, meeting)
    send(source, 1, 3)
    with monkeypatch.context() as patched:
        patched.setattr(live, "_attach", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            source.end()
    Upload.objects.update(updated_at=timezone.now() - live.GRACE)
    run_jobs()
    assert sound_of(meeting) == samples(1, 3)


def test_a_recording_ends_when_its_client_does_not_return(meeting: Meeting, ann: User) -> None:
    send(a_source(ann, meeting), 1, 3)
    (closing,) = due("meetings.close_live")
    left = live.close_abandoned(Upload.objects.get().pk)
    assert left == pytest.approx(live.GRACE.total_seconds(), abs=5)
    Upload.objects.update(updated_at=timezone.now() - live.GRACE + timedelta(seconds=1))
    assert live.close_abandoned(Upload.objects.get().pk) <= 1
    meeting.refresh_from_db()
    assert meeting.live
    Upload.objects.update(updated_at=timezone.now() - live.GRACE)
    run_jobs()
    closing.refresh_from_db()
    assert closing.state == "done"
    assert sound_of(meeting) == samples(1, 3)
    assert not meeting.live


def test_a_recording_without_sound_leaves_the_meeting_as_it_was(meeting: Meeting, ann: User) -> None:
    source = a_source(ann, meeting)
    before = Meeting.objects.get(pk=meeting.pk)
    assert (before.live, before.status, before.transcript_version) == (True, Status.QUEUED, 1)
    source.end()
    meeting.refresh_from_db()
    assert (meeting.live, meeting.status, meeting.transcript_version) == (False, Status.PENDING, 0)
    assert not Upload.objects.exists()
    assert not Transcript.objects.exists()
    assert stored() == []
    run_jobs()
    meeting.refresh_from_db()
    assert meeting.status == Status.PENDING


def test_a_file_of_another_machine_is_not_replaced(meeting: Meeting, ann: User) -> None:
    send(a_source(ann, meeting), 1, 2)
    path = resumed_path(Upload.objects.get().pk)
    path.rename(path.with_suffix(".elsewhere"))
    Upload.objects.update(updated_at=timezone.now() - live.GRACE)
    assert live.close_abandoned(Upload.objects.get().pk) > 1
    meeting.refresh_from_db()
    assert (meeting.live, meeting.recording) == (True, "")


def test_limits(meeting: Meeting, ann: User, settings: Any) -> None:
    settings.MAX_RECORDING_SECONDS = 1
    source = a_source(ann, meeting)
    send(source, 1, 9)
    with pytest.raises(TooLarge, match="too long"):
        send(source, 10, 11)
    source.flush()
    assert source.stored_seq in (9, 10)
    for data in (b"", b"1", bytes(65538)):
        with pytest.raises(Exception, match="A part h"):
            source.add(source.stored_seq + 1, data)


def test_quotas_of_uploads_apply(api: Transport, meeting: Meeting, ann: User, settings: Any) -> None:
    settings.UPLOADS_PER_USER = 0
    assert api.failure(STREAM, [config(meeting.pk)], actor=ann).reason == "QUOTA_EXCEEDED"
    settings.UPLOADS_PER_USER, settings.DISK_RESERVE_BYTES = 5, 2**62
    assert api.failure(STREAM, [config(meeting.pk)], actor=ann).reason == "INSUFFICIENT_STORAGE"


def test_webm_is_recognized_by_its_beginning(meeting: Meeting, ann: User) -> None:
    source = open_source(ann, LiveConfig(str(meeting.pk), 2))
    with pytest.raises(Exception, match="does not begin as a WebM file"):
        source.add(1, b"OggS")
    source.add(1, b"\x1a\x45\xdf\xa3 begins")
    source.add(2, b" and goes on")
    with pytest.raises(Exception, match="A new WebM file begins here"):
        source.add(3, b"\x1a\x45\xdf\xa3 begins")
    source.end()
    (file,) = stored()
    assert file.read_bytes() == b"\x1a\x45\xdf\xa3 begins and goes on"


def test_a_deleted_meeting_takes_no_audio(api: Transport, meeting: Meeting, ann: User) -> None:
    source = a_source(ann, meeting)
    send(source, 1, 1)
    api("MeetingService/DeleteMeeting", DeleteMeetingRequest(meeting_id=str(meeting.pk)), actor=ann)
    with pytest.raises(Upload.DoesNotExist):
        send(source, 2, 2)
