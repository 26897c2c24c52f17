import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.db.pagination import PageRequest
from meetings.models import Meeting
from meetings.queries.transcripts import search_transcripts
from tandem.common.v1.common_pb2 import PaginationRequest
from tandem.meeting.v1.meeting_pb2 import SearchTranscriptsRequest, SearchTranscriptsResponse
from tests.support.factories import SegmentFactory, TranscribedMeetingFactory
from tests.support.transports import Failed, Transport
from users.models import User

SEARCH = "MeetingService/SearchTranscripts"


def asked(query: str, size: int = 0, token: str = "") -> SearchTranscriptsRequest:
    return SearchTranscriptsRequest(query=query, pagination=PaginationRequest(page_size=size, page_token=token))


def texts(answer: SearchTranscriptsResponse) -> list[str]:
    return [match.segment.text for match in answer.matches]


def test_words_are_found_by_their_beginnings(api: Transport, ann: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann, title="Weekly planning")
    segment = SegmentFactory(meeting=meeting, recognized_text="We'll rewrite the Scheduler")
    SegmentFactory(meeting=meeting, recognized_text="of course")
    for query in ("sched", "SCHED rewr", "we ll"):
        (match,) = api(SEARCH, asked(query), actor=ann).matches
        assert (match.segment.id, match.meeting_title) == (str(segment.pk), "Weekly planning")
        assert (match.segment.meeting_id, match.segment.start_ms) == (str(meeting.pk), segment.start_ms)
    for query in ("rewrite course", "cheduler", "..."):
        answer = api(SEARCH, asked(query), actor=ann)
        assert (texts(answer), answer.pagination.total_count) == ([], 0)


def test_search_finds_visible_meetings_only(
    api: Transport, ann: User, bob: User, administrator: User, support: User
) -> None:
    SegmentFactory(meeting=TranscribedMeetingFactory(owner=ann), recognized_text="ship 1")
    shared = TranscribedMeetingFactory(owner=bob, participants=[ann.pk, bob.pk])
    SegmentFactory(meeting=shared, recognized_text="ship 2")
    SegmentFactory(meeting=TranscribedMeetingFactory(owner=bob), recognized_text="ship 3")
    seen = {actor: texts(api(SEARCH, asked("ship"), actor=actor)) for actor in (ann, bob, administrator, support)}
    assert seen == {
        ann: ["ship 2", "ship 1"], bob: ["ship 3", "ship 2"], administrator: ["ship 3", "ship 2", "ship 1"],
        support: [],
    }  # fmt: skip


def test_only_the_current_version_is_searched(api: Transport, ann: User, administrator: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann, participants=[ann.pk])
    SegmentFactory(meeting=meeting, recognized_text="ship old")
    SegmentFactory(meeting=meeting, transcript_version=2, recognized_text="ship new")
    for actor in (ann, administrator):
        assert texts(api(SEARCH, asked("ship"), actor=actor)) == ["ship old"]
    Meeting.objects.filter(pk=meeting.pk).update(transcript_version=2)
    for actor in (ann, administrator):
        assert texts(api(SEARCH, asked("ship"), actor=actor)) == ["ship new"]


def test_list_continues_page_by_page(api: Transport, ann: User, administrator: User) -> None:
    for number in range(5):
        meeting = TranscribedMeetingFactory(owner=ann, participants=[ann.pk])
        SegmentFactory(meeting=meeting, recognized_text=f"ship {number}")
    for actor in (ann, administrator):
        found, token = [], ""
        while True:
            answer = api(SEARCH, asked("ship", 2, token), actor=actor)
            assert answer.pagination.total_count == 5
            found += texts(answer)
            token = answer.pagination.next_page_token
            if not token:
                break
        assert found == ["ship 4", "ship 3", "ship 2", "ship 1", "ship 0"]


def test_bad_requests(api: Transport, ann: User, bob: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann, participants=[bob.pk])
    SegmentFactory.create_batch(2, meeting=meeting)
    token = api(SEARCH, asked("said", 1), actor=ann).pagination.next_page_token
    for request, actor, fields in (
        (asked(""), ann, {"query": "required"}),
        (asked("  "), ann, {"query": "required"}),
        (asked("x" * 201), ann, {"query": "max_length"}),
        (asked("a\0b"), ann, {"query": "control_characters"}),
        (asked("said", -1), ann, {"page_size": "range"}),
        (asked("said", 1, "x"), ann, {"page_token": "invalid"}),
        (asked("this", 1, token), ann, {"page_token": "invalid"}),
        (asked("said", 1, token), bob, {"page_token": "invalid"}),
    ):
        with pytest.raises(Failed) as failed:
            api(SEARCH, request, actor=actor)
        assert (failed.value.reason, failed.value.fields) == ("INVALID", fields)


@pytest.mark.parametrize("rows", [1, 20])
def test_list_takes_three_queries_for_any_number_of_rows(ann: User, rows: int) -> None:
    for _ in range(rows):
        SegmentFactory(meeting=TranscribedMeetingFactory(owner=ann, participants=[ann.pk]))
    with CaptureQueriesContext(connection) as captured:
        assert len(search_transcripts(ann, "said", PageRequest(20, "", False, {})).page.rows) == rows
    assert len(captured) == 3
