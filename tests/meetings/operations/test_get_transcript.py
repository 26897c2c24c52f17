import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.db.pagination import PageRequest
from meetings.models import Meeting, Segment
from meetings.queries.transcripts import get_transcript
from tandem.common.v1.common_pb2 import PaginationRequest
from tandem.meeting.v1 import meeting_pb2
from tandem.meeting.v1.meeting_pb2 import GetTranscriptRequest
from tests.support.factories import ENGINE, MeetingFactory, SegmentFactory, TranscribedMeetingFactory, TranscriptFactory
from tests.support.transports import Failed, Transport
from users.models import User

GET = "MeetingService/GetTranscript"


def asked(meeting: Meeting, version: int = 0, size: int = 0, token: str = "") -> GetTranscriptRequest:
    page = PaginationRequest(page_size=size, page_token=token)
    return GetTranscriptRequest(meeting_id=str(meeting.pk), transcript_version=version, pagination=page)


def texts(answer: meeting_pb2.GetTranscriptResponse) -> list[str]:
    return [segment.text for segment in answer.segments]


def test_segments_are_in_spoken_order(api: Transport, ann: User, bob: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann, participants=[bob.pk])
    for start_ms, text in ((9_000, "third"), (0, "first"), (4_000, "second")):
        SegmentFactory(meeting=meeting, start_ms=start_ms, recognized_text=text)
    SegmentFactory(recognized_text="elsewhere")
    for actor in (ann, bob):
        assert texts(api(GET, asked(meeting), actor=actor)) == ["first", "second", "third"]


def test_segment_names_its_engine(api: Transport, ann: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann)
    stored: Segment = SegmentFactory(
        meeting=meeting, start_ms=500, end_ms=900, recognized_text="so be it", text="so be it!", degraded=True
    )
    (segment,) = api(GET, asked(meeting), actor=ann).segments
    assert segment.id == str(stored.pk)
    assert segment.meeting_id == str(meeting.pk)
    assert segment.transcript_version == 1
    assert segment.start_ms == 500
    assert segment.end_ms == 900
    assert segment.confidence == 0.75
    assert segment.degraded
    assert segment.text == "so be it!"
    assert segment.recognized_text == "so be it"
    assert segment.version == 1
    assert [word.text for word in segment.words] == ["so", "be", "it"]
    assert segment.engine == meeting_pb2.Engine(**ENGINE)
    assert segment.speaker_id == ""
    assert segment.edited_by == ""
    assert not segment.HasField("edited_at")


def test_list_continues_page_by_page(api: Transport, ann: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann)
    for number in range(5):
        SegmentFactory(meeting=meeting, start_ms=number * 1_000, recognized_text=str(number))
    found, token = [], ""
    while True:
        answer = api(GET, asked(meeting, size=2, token=token), actor=ann)
        assert answer.pagination.total_count == 5
        found += texts(answer)
        token = answer.pagination.next_page_token
        if not token:
            break
    assert found == ["0", "1", "2", "3", "4"]


def test_each_version_can_be_read(api: Transport, ann: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann)
    TranscriptFactory(meeting=meeting, version=2)
    SegmentFactory(meeting=meeting, recognized_text="old")
    SegmentFactory(meeting=meeting, transcript_version=2, recognized_text="new")
    seen = {version: texts(api(GET, asked(meeting, version), actor=ann)) for version in (0, 1, 2)}
    assert seen == {0: ["old"], 1: ["old"], 2: ["new"]}
    Meeting.objects.filter(pk=meeting.pk).update(transcript_version=2)
    assert texts(api(GET, asked(meeting), actor=ann)) == ["new"]


def test_transcript_is_empty_before_the_first_version(api: Transport, ann: User) -> None:
    answer = api(GET, asked(MeetingFactory(owner=ann)), actor=ann)
    assert (list(answer.segments), answer.pagination.total_count) == ([], 0)


@pytest.mark.parametrize("version", [2, -1, 2**31 - 1])
def test_unknown_version_is_not_found(api: Transport, ann: User, version: int) -> None:
    meeting = TranscribedMeetingFactory(owner=ann)
    TranscriptFactory(version=2)
    with pytest.raises(Failed) as failed:
        api(GET, asked(meeting, version), actor=ann)
    assert failed.value.reason == "NOT_FOUND"


@pytest.mark.parametrize("meeting_id", ["nonsense", "a\0b", "01a22400-0000-7000-8000-000000000000"])
def test_unknown_ids(api: Transport, ann: User, meeting_id: str) -> None:
    with pytest.raises(Failed) as failed:
        api(GET, GetTranscriptRequest(meeting_id=meeting_id), actor=ann)
    assert failed.value.reason == "NOT_FOUND"


def test_anothers_is_as_unknown(api: Transport, ann: User, support: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann)
    with pytest.raises(Failed) as failed:
        api(GET, asked(meeting), actor=support)
    assert failed.value.reason == "NOT_FOUND"


def test_bad_pages(api: Transport, ann: User, administrator: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann)
    TranscriptFactory(meeting=meeting, version=2)
    for _ in range(2):
        SegmentFactory(meeting=meeting)
    token = api(GET, asked(meeting, size=1), actor=ann).pagination.next_page_token
    for request, actor, field in (
        (asked(meeting, size=-1), ann, "page_size"),
        (asked(meeting, token="x"), ann, "page_token"),
        (asked(meeting, version=2, token=token), ann, "page_token"),
        (asked(meeting, token=token), administrator, "page_token"),
        (asked(TranscribedMeetingFactory(owner=ann), token=token), ann, "page_token"),
    ):
        with pytest.raises(Failed) as failed:
            api(GET, request, actor=actor)
        assert (failed.value.reason, list(failed.value.fields)) == ("INVALID", [field])
    Meeting.objects.filter(pk=meeting.pk).update(transcript_version=2)
    with pytest.raises(Failed) as failed:
        api(GET, asked(meeting, token=token), actor=ann)
    assert failed.value.fields == {"page_token": "invalid"}


@pytest.mark.parametrize("rows", [1, 20])
def test_list_takes_three_queries_for_any_number_of_rows(ann: User, rows: int) -> None:
    meeting = TranscribedMeetingFactory(owner=ann)
    SegmentFactory.create_batch(rows, meeting=meeting)
    with CaptureQueriesContext(connection) as captured:
        assert len(get_transcript(ann, str(meeting.pk), 0, PageRequest(20, "", False, {})).rows) == rows
    assert len(captured) == 3
