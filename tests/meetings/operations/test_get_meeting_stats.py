from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from meetings.models import Meeting, Status
from meetings.queries.stats import get_meeting_stats
from tandem.common.v1.common_pb2 import TimeRange
from tandem.meeting.v1.meeting_pb2 import GetMeetingStatsRequest
from tandem.user.v1.user_pb2 import DeleteUserRequest
from tests.support.factories import MeetingFactory, SpeakerFactory, TranscribedMeetingFactory, UserFactory
from tests.support.transports import Failed, Transport
from users.models import User

STATS = "MeetingService/GetMeetingStats"


def test_stats_without_meetings_are_zero(api: Transport, ann: User) -> None:
    stats = api(STATS, GetMeetingStatsRequest(), actor=ann)
    assert stats.total == 0
    assert stats.recorded_ms == 0
    assert dict(stats.talk_ms_by_speaker) == {}
    assert dict(stats.by_status) == {status.name.lower(): 0 for status in Status}


def test_stats_count_visible_meetings_only(
    api: Transport, ann: User, bob: User, administrator: User, support: User
) -> None:
    MeetingFactory(owner=ann)
    TranscribedMeetingFactory(owner=bob, participants=[ann.pk, bob.pk], duration_ms=2_000)
    TranscribedMeetingFactory(owner=bob, duration_ms=3_000)
    for actor, total, completed, recorded_ms in (
        (ann, 2, 1, 2_000),
        (bob, 2, 2, 5_000),
        (administrator, 3, 2, 5_000),
        (support, 0, 0, 0),
    ):
        stats = api(STATS, GetMeetingStatsRequest(), actor=actor)
        assert stats.total == total
        assert stats.by_status["completed"] == completed
        assert stats.recorded_ms == recorded_ms


def test_talk_time_is_reported_by_speaker(api: Transport, ann: User, bob: User, administrator: User) -> None:
    carl = UserFactory()
    for _ in range(2):
        meeting = TranscribedMeetingFactory(owner=ann)
        SpeakerFactory(meeting=meeting, user=bob, name="Bobby", speech_ms=100)
        SpeakerFactory(meeting=meeting, name="A guest", speech_ms=20)
        SpeakerFactory(meeting=meeting, speech_ms=3)
        SpeakerFactory(meeting=meeting, user=carl, name="Carl", speech_ms=1)
        SpeakerFactory(meeting=meeting, transcript_version=2, speech_ms=50_000)
    SpeakerFactory(meeting=TranscribedMeetingFactory(owner=bob), speech_ms=7_000)
    talk = dict(api(STATS, GetMeetingStatsRequest(), actor=ann).talk_ms_by_speaker)
    assert talk == {str(bob.pk): 200, "A guest": 40, "": 6, str(carl.pk): 2}
    api("UserService/DeleteUser", DeleteUserRequest(user_id=str(carl.pk)), actor=administrator)
    talk = dict(api(STATS, GetMeetingStatsRequest(), actor=ann).talk_ms_by_speaker)
    assert talk == {str(bob.pk): 200, "A guest": 40, "": 6, "Carl": 2}


def test_only_speakers_with_most_talk_time_are_reported(
    api: Transport, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meetings.queries.stats.MAX_SPEAKERS", 2)
    meeting = TranscribedMeetingFactory(owner=ann)
    for number in range(3):
        SpeakerFactory(meeting=meeting, name=str(number), speech_ms=number)
    assert dict(api(STATS, GetMeetingStatsRequest(), actor=ann).talk_ms_by_speaker) == {"2": 2, "1": 1}


def test_a_time_range_narrows(api: Transport, ann: User) -> None:
    for day in (1, 2, 3):
        meeting = TranscribedMeetingFactory(owner=ann, duration_ms=day)
        SpeakerFactory(meeting=meeting, name=str(day))
        Meeting.objects.filter(pk=meeting.pk).update(created_at=datetime(2027, 1, day, tzinfo=UTC))

    def received(**bounds: int) -> tuple[int, list[str]]:
        asked = TimeRange(**{name: datetime(2027, 1, day, tzinfo=UTC) for name, day in bounds.items()})  # type: ignore[arg-type]
        stats = api(STATS, GetMeetingStatsRequest(created_at=asked), actor=ann)
        return stats.total, sorted(stats.talk_ms_by_speaker)

    assert received(start_time=2) == (2, ["2", "3"])
    assert received(end_time=2) == (1, ["1"])
    assert received(start_time=2, end_time=3) == (1, ["2"])
    assert received(start_time=2, end_time=2) == (0, [])


def test_an_end_before_the_start(api: Transport, ann: User) -> None:
    asked = TimeRange(start_time=datetime(2027, 1, 2, tzinfo=UTC), end_time=datetime(2027, 1, 1, tzinfo=UTC))
    with pytest.raises(Failed) as failed:
        api(STATS, GetMeetingStatsRequest(created_at=asked), actor=ann)
    assert failed.value.fields == {"created_at_to": "range"}


def test_stats_take_two_queries(ann: User) -> None:
    SpeakerFactory.create_batch(3, meeting=TranscribedMeetingFactory(owner=ann))
    with CaptureQueriesContext(connection) as captured:
        assert sum(get_meeting_stats(ann).by_status.values()) == 1
    assert len(captured) == 2
