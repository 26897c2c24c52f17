from typing import Any

import pytest
from django.utils import timezone

from core.models import Job
from meetings.models import Meeting, Status, Transcript
from tandem.meeting.v1.meeting_pb2 import RetranscribeRequest
from tests.support.factories import MeetingFactory
from tests.support.recordings import an_upload
from tests.support.transports import Failed, Transport
from users.models import User

RETRANSCRIBE = "MeetingService/Retranscribe"


def a_recorded_meeting(owner: User, **fields: Any) -> Meeting:
    """Create a meeting whose recording was processed once."""
    recorded = {
        "status": Status.COMPLETED, "recording": "a-file", "recording_sha256": "0" * 64, "language": "en",
        "recording_uploaded_at": timezone.now(), "transcript_version": 1, "progress": 100, "notice": "Nobody speaks.",
    }  # fmt: skip
    meeting: Meeting = MeetingFactory(owner=owner, **recorded | fields)
    Transcript.objects.create(meeting=meeting, version=1, status=meeting.status)
    return meeting


def retranscribe_failure(api: Transport, actor: User, request: RetranscribeRequest) -> Failed:
    """Make a rejected request, and return the failure; neither a version nor a job is created."""
    failed = api.failure(RETRANSCRIBE, request, actor=actor)
    assert not Transcript.objects.filter(version=2).exists()
    assert not Job.objects.exists()
    return failed


def test_next_version_is_requested(api: Transport, ann: User) -> None:
    meeting = a_recorded_meeting(ann)
    request = RetranscribeRequest(meeting_id=str(meeting.pk), language="de", speaker_count=3)
    answer = api.answer(RETRANSCRIBE, request, actor=ann)
    received = answer.message.meeting
    assert received.status == Status.QUEUED
    assert received.progress == 0
    assert received.notice == ""
    assert received.version == 2
    assert answer.version == 2
    assert received.transcript_version == 1, "the old one is shown until the new one is complete"
    assert received.language == "en"
    asked = Transcript.objects.get(meeting=meeting, version=2)
    assert asked.language == "de"
    assert asked.speaker_count == 3
    assert asked.recording == "a-file"
    assert asked.requested_by_id == ann.pk
    job = Job.objects.get()
    assert (job.kind, job.arguments) == ("meetings.process", {"transcript_id": str(asked.pk)})


def test_omitted_fields_are_those_of_the_meeting(api: Transport, ann: User) -> None:
    meeting = a_recorded_meeting(ann, starts_at="2026-02-03T23:00:00Z", status=Status.FAILED, failure_reason="Why.")
    received = api(RETRANSCRIBE, RetranscribeRequest(meeting_id=str(meeting.pk)), actor=ann).meeting
    assert (received.failure_reason, received.transcript_version) == ("", 2), "none is complete: the newest is shown"
    asked = Transcript.objects.get(meeting=meeting, version=2)
    assert asked.language == "en"
    assert asked.speaker_count == 0
    assert asked.held_on.isoformat() == "2026-02-03"


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"language": "english"}, {"language": "max_length"}),
        ({"language": "E"}, {"language": "language"}),
        ({"speaker_count": 21}, {"speaker_count": "range"}),
        ({"speaker_count": -1, "language": "1"}, {"speaker_count": "range", "language": "language"}),
    ],
)
def test_bad_fields_are_named(api: Transport, ann: User, said: dict[str, Any], fields: dict[str, str]) -> None:
    meeting = a_recorded_meeting(ann)
    failed = retranscribe_failure(api, ann, RetranscribeRequest(meeting_id=str(meeting.pk), **said))
    assert (failed.reason, failed.fields) == ("INVALID", fields)


@pytest.mark.parametrize("fields", [{"status": Status.QUEUED}, {"status": Status.PROCESSING}, {"recording": ""}])
def test_only_a_recording_that_is_not_worked_on(api: Transport, ann: User, fields: dict[str, Any]) -> None:
    meeting = a_recorded_meeting(ann, **fields)
    assert retranscribe_failure(api, ann, RetranscribeRequest(meeting_id=str(meeting.pk))).reason == "CONFLICT"


def test_only_users_who_may_change_the_meeting(api: Transport, ann: User, bob: User, support: User) -> None:
    request = RetranscribeRequest(meeting_id=str(a_recorded_meeting(ann, participants=[bob.pk]).pk))
    assert retranscribe_failure(api, bob, request).reason == "FORBIDDEN"
    assert retranscribe_failure(api, support, request).reason == "NOT_FOUND"


def test_stale_version_requests_nothing(api: Transport, ann: User) -> None:
    meeting = a_recorded_meeting(ann)
    with pytest.raises(Failed) as failed:
        api(RETRANSCRIBE, RetranscribeRequest(meeting_id=str(meeting.pk)), actor=ann, if_match='"7"')
    assert (failed.value.reason, Job.objects.count()) == ("STALE", 0)


@pytest.mark.usefixtures("folder")
def test_upload_requests_the_first_version(api: Transport, ann: User) -> None:
    meeting = MeetingFactory(owner=ann, language="en", starts_at="2026-02-03T23:00:00Z")
    received = api("MeetingService/UploadRecording", an_upload(str(meeting.pk)), actor=ann).meeting
    asked = Transcript.objects.get()
    assert received.transcript_version == 1
    assert asked.version == 1
    assert asked.language == "en"
    assert (asked.recording_sha256, asked.held_on.isoformat()) == (received.recording.sha256, "2026-02-03")
    assert Job.objects.get().arguments == {"transcript_id": str(asked.pk)}
