import pytest

from changes.models import Change
from meetings.models import Status, Transcript
from tandem.meeting.v1.meeting_pb2 import CancelProcessingRequest
from tests.meetings.operations.test_retranscribe import a_recorded_meeting
from tests.support.transports import Failed, Transport
from users.models import User

CANCEL = "MeetingService/CancelProcessing"


@pytest.mark.parametrize("status", [Status.QUEUED, Status.PROCESSING])
def test_cancelled_meeting_is_not_processed(api: Transport, ann: User, status: Status) -> None:
    meeting = a_recorded_meeting(ann, status=status, progress=40)
    answer = api.answer(CANCEL, CancelProcessingRequest(meeting_id=str(meeting.pk)), actor=ann)
    received = answer.message.meeting
    assert received.status == Status.CANCELLED
    assert received.stage == 0
    assert received.progress == 40
    assert answer.version == 2
    transcript = Transcript.objects.get()
    assert (transcript.status, transcript.ended_at is not None) == (Status.CANCELLED, True)
    assert Change.objects.filter(subject_id=meeting.pk).latest("id").actor == str(ann.pk)


@pytest.mark.parametrize("status", [Status.PENDING, Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_meeting_without_processing_cannot_be_cancelled(api: Transport, ann: User, status: Status) -> None:
    meeting = a_recorded_meeting(ann, status=status)
    with pytest.raises(Failed) as failed:
        api(CANCEL, CancelProcessingRequest(meeting_id=str(meeting.pk)), actor=ann)
    assert failed.value.reason == "CONFLICT"
    assert Transcript.objects.get().status == status


def test_only_users_who_may_change_the_meeting(api: Transport, ann: User, bob: User, support: User) -> None:
    meeting = a_recorded_meeting(ann, status=Status.PROCESSING, participants=[bob.pk])
    for actor, reason in ((bob, "FORBIDDEN"), (support, "NOT_FOUND")):
        with pytest.raises(Failed) as failed:
            api(CANCEL, CancelProcessingRequest(meeting_id=str(meeting.pk)), actor=actor)
        assert failed.value.reason == reason
    assert Transcript.objects.get().status == Status.PROCESSING


def test_a_stale_version_cancels_nothing(api: Transport, ann: User) -> None:
    meeting = a_recorded_meeting(ann, status=Status.PROCESSING)
    with pytest.raises(Failed) as failed:
        api(CANCEL, CancelProcessingRequest(meeting_id=str(meeting.pk)), actor=ann, if_match='"7"')
    assert failed.value.reason == "STALE"
    assert Transcript.objects.get().status == Status.PROCESSING
