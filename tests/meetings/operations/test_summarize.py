from typing import Any

import pytest

from core.models import Job
from meetings.models import Meeting, Stage, StageRun, Status, Transcript
from tandem.meeting.v1.meeting_pb2 import CancelProcessingRequest, SummarizeRequest
from tests.support.factories import MeetingFactory, SegmentFactory, TranscribedMeetingFactory
from tests.support.transports import Failed, Transport
from users.models import User

SUMMARIZE = "MeetingService/Summarize"


def a_transcribed_meeting(owner: User, **fields: Any) -> Meeting:
    meeting: Meeting = TranscribedMeetingFactory(owner=owner, **fields)
    SegmentFactory(meeting=meeting)
    return meeting


def asked(meeting: Meeting) -> SummarizeRequest:
    return SummarizeRequest(meeting_id=str(meeting.pk))


def summarize_failure(api: Transport, actor: User, meeting: Meeting) -> Failed:
    failed = api.failure(SUMMARIZE, asked(meeting), actor=actor)
    assert not Job.objects.exists()
    return failed


def test_summary_of_the_current_version_is_requested(api: Transport, ann: User) -> None:
    meeting = a_transcribed_meeting(ann)
    transcript = Transcript.objects.get()
    StageRun.objects.create(
        transcript=transcript, stage=Stage.SUMMARIZING, input_hash="i", engine_hash="e", ended_at=meeting.created_at
    )
    answer = api.answer(SUMMARIZE, asked(meeting), actor=ann)
    received = answer.message.meeting
    assert (received.status, received.progress, received.transcript_version) == (Status.QUEUED, 95, 1)
    assert (received.version, answer.version) == (2, 2)
    transcript.refresh_from_db()
    assert (transcript.status, transcript.summarizing_again) == (Status.QUEUED, True)
    assert not StageRun.objects.exclude(ended_at=None).exists()
    job = Job.objects.get()
    assert (job.kind, job.arguments) == ("meetings.process", {"transcript_id": str(transcript.pk)})


@pytest.mark.parametrize("status", [Status.QUEUED, Status.PROCESSING])
def test_not_while_the_recording_is_processed(api: Transport, ann: User, status: Status) -> None:
    failed = summarize_failure(api, ann, a_transcribed_meeting(ann, status=status))
    assert (failed.reason, "is being processed" in failed.message) == ("CONFLICT", True)


@pytest.mark.parametrize("status", [Status.PENDING, Status.FAILED, Status.CANCELLED, Status.COMPLETED])
def test_only_a_complete_transcript_with_text(api: Transport, ann: User, status: Status) -> None:
    """Here COMPLETED has no segment."""
    transcribed = status == Status.COMPLETED
    meeting = TranscribedMeetingFactory(owner=ann) if transcribed else a_transcribed_meeting(ann, status=status)
    failed = summarize_failure(api, ann, meeting)
    assert (failed.reason, "nothing to summarise" in failed.message) == ("CONFLICT", True)
    assert summarize_failure(api, ann, MeetingFactory(owner=ann, status=status)).reason == "CONFLICT"


def test_only_users_who_may_change_the_meeting(api: Transport, ann: User, bob: User, support: User) -> None:
    meeting = a_transcribed_meeting(ann, participants=[bob.pk])
    assert summarize_failure(api, bob, meeting).reason == "FORBIDDEN"
    assert summarize_failure(api, support, meeting).reason == "NOT_FOUND"


def test_stale_version_requests_nothing(api: Transport, ann: User) -> None:
    with pytest.raises(Failed) as failed:
        api(SUMMARIZE, asked(a_transcribed_meeting(ann)), actor=ann, if_match='"7"')
    assert (failed.value.reason, Job.objects.count()) == ("STALE", 0)


def test_cancelled_summary_leaves_the_meeting_complete(api: Transport, ann: User) -> None:
    meeting = a_transcribed_meeting(ann)
    api(SUMMARIZE, asked(meeting), actor=ann)
    cancel = CancelProcessingRequest(meeting_id=str(meeting.pk))
    received = api("MeetingService/CancelProcessing", cancel, actor=ann).meeting
    assert (received.status, received.progress) == (Status.COMPLETED, 100)
    transcript = Transcript.objects.get()
    assert (transcript.status, transcript.summarizing_again) == (Status.COMPLETED, False)
