import pytest

from changes.models import Change
from meetings.models import Meeting
from tandem.meeting.v1.meeting_pb2 import DeleteMeetingRequest
from tests.doors import Door, Failed
from tests.factories import MeetingFactory
from users.models import User

DELETE = "MeetingService/DeleteMeeting"


def test_its_owner_deletes_it(api: Door, ann: User) -> None:
    meeting = MeetingFactory(owner=ann)
    api(DELETE, DeleteMeetingRequest(meeting_id=str(meeting.pk)), actor=ann)
    assert not Meeting.objects.exists()
    assert Change.objects.get(subject_id=meeting.pk, operation="deleted").actor == str(ann.pk)


def test_a_participant_does_not(api: Door, ann: User, bob: User) -> None:
    meeting = MeetingFactory(owner=ann, participants=[bob.pk])
    with pytest.raises(Failed) as failed:
        api(DELETE, DeleteMeetingRequest(meeting_id=str(meeting.pk)), actor=bob)
    assert failed.value.reason == "FORBIDDEN"
    assert Meeting.objects.exists()


def test_a_stale_version_deletes_nothing(api: Door, ann: User) -> None:
    meeting = MeetingFactory(owner=ann)
    with pytest.raises(Failed) as failed:
        api(DELETE, DeleteMeetingRequest(meeting_id=str(meeting.pk)), actor=ann, if_match='"2"')
    assert failed.value.reason == "STALE"
    assert Meeting.objects.exists()
