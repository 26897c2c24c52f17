import pytest

from meetings.models import Stage
from tandem.meeting.v1.meeting_pb2 import MEETING_STAGE_SUMMARIZING, GetMeetingRequest, MissingStage
from tests.support.factories import MeetingFactory
from tests.support.transports import Failed, Transport
from users.models import User

GET = "MeetingService/GetMeeting"


def test_owner_participants_and_administrators_see_it(
    api: Transport, ann: User, bob: User, administrator: User, support: User
) -> None:
    meeting = MeetingFactory(owner=ann, participants=[bob.pk])
    request = GetMeetingRequest(meeting_id=str(meeting.pk))
    for actor in (ann, bob, administrator):
        answer = api.answer(GET, request, actor=actor)
        assert (answer.message.meeting.title, answer.version) == (meeting.title, 1)
    with pytest.raises(Failed) as failed:
        api(GET, request, actor=support)
    assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"Meeting with ID '{meeting.pk}' not found")


def test_missing_stages_have_their_reasons(api: Transport, ann: User) -> None:
    missing = {"stage": Stage.SUMMARIZING.value, "reason": "No speech engine here can summarise."}
    meeting = MeetingFactory(owner=ann, missing=[missing])
    answer = api(GET, GetMeetingRequest(meeting_id=str(meeting.pk)), actor=ann)
    assert list(answer.meeting.missing) == [MissingStage(stage=MEETING_STAGE_SUMMARIZING, reason=missing["reason"])]


@pytest.mark.parametrize("meeting_id", ["x", "0198a3c0-0000-7000-8000-00000000000a"])
def test_an_unknown_id(api: Transport, ann: User, meeting_id: str) -> None:
    with pytest.raises(Failed) as failed:
        api(GET, GetMeetingRequest(meeting_id=meeting_id), actor=ann)
    assert failed.value.reason == "NOT_FOUND"
