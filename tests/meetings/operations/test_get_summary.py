import pytest

from meetings.models import Meeting
from tandem.meeting.v1 import meeting_pb2
from tandem.meeting.v1.meeting_pb2 import GetSummaryRequest
from tests.support.factories import (
    ENGINE,
    MeetingFactory,
    SegmentFactory,
    SummaryFactory,
    TranscribedMeetingFactory,
    TranscriptFactory,
)
from tests.support.transports import Failed, Transport
from users.models import User

GET = "MeetingService/GetSummary"


def test_statements_refer_to_segments(api: Transport, ann: User, bob: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann, participants=[bob.pk])
    segment_id = str(SegmentFactory(meeting=meeting).pk)
    SummaryFactory(meeting=meeting, decisions=[{"text": "We build one.", "segment_ids": [segment_id]}])
    for actor in (ann, bob):
        answer = api.answer(GET, GetSummaryRequest(meeting_id=str(meeting.pk)), actor=actor)
        summary = answer.message.summary
        assert [statement.text for statement in summary.overview] == ["It was about ships."]
        assert [statement.text for statement in summary.topics] == ["ships"]
        assert list(summary.decisions) == [meeting_pb2.Statement(text="We build one.", segment_ids=[segment_id])]
        assert summary.meeting_id == str(meeting.pk)
        assert summary.transcript_version == 1
        assert summary.language == "en"
        assert (summary.engine, summary.HasField("created_at")) == (meeting_pb2.Engine(**ENGINE), True)
        assert (summary.version, answer.version) == (1, 1)


def test_each_version_has_its_own(api: Transport, ann: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann)
    TranscriptFactory(meeting=meeting, version=2)
    SummaryFactory(meeting=meeting, language="en")
    SummaryFactory(meeting=meeting, transcript_version=2, language="de")

    def language(version: int) -> str:
        request = GetSummaryRequest(meeting_id=str(meeting.pk), transcript_version=version)
        return str(api(GET, request, actor=ann).summary.language)

    assert [language(version) for version in (0, 1, 2)] == ["en", "en", "de"]
    Meeting.objects.filter(pk=meeting.pk).update(transcript_version=2)
    assert language(0) == "de"


def test_unknown_ids_are_not_found(api: Transport, ann: User, bob: User) -> None:
    meeting = SummaryFactory(meeting=TranscribedMeetingFactory(owner=ann)).meeting
    for request, actor in (
        (GetSummaryRequest(meeting_id="nonsense"), ann),
        (GetSummaryRequest(meeting_id="a\0b"), ann),
        (GetSummaryRequest(meeting_id=str(meeting.pk)), bob),
        (GetSummaryRequest(meeting_id=str(meeting.pk), transcript_version=2), ann),
        (GetSummaryRequest(meeting_id=str(meeting.pk), transcript_version=-1), ann),
        (GetSummaryRequest(meeting_id=str(TranscribedMeetingFactory(owner=ann).pk)), ann),
        (GetSummaryRequest(meeting_id=str(MeetingFactory(owner=ann).pk)), ann),
    ):
        with pytest.raises(Failed) as failed:
            api(GET, request, actor=actor)
        assert failed.value.reason == "NOT_FOUND"
