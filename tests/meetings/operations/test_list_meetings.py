from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.db.pagination import PageRequest
from meetings import queries
from meetings.models import Status
from tandem.common.v1.common_pb2 import PaginationRequest
from tandem.meeting.v1 import meeting_pb2
from tandem.meeting.v1.meeting_pb2 import ListMeetingsRequest
from tests.support.factories import MeetingFactory
from tests.support.transports import Failed, Transport
from users.models import User

LIST = "MeetingService/ListMeetings"


def titles(answer: meeting_pb2.ListMeetingsResponse) -> list[str]:
    return [meeting.title for meeting in answer.meetings]


def test_caller_sees_owned_and_attended_meetings(api: Transport, ann: User, bob: User, administrator: User) -> None:
    MeetingFactory(title="1", owner=ann)
    MeetingFactory(title="2", owner=bob, participants=[ann.pk])
    MeetingFactory(title="3", owner=ann, participants=[ann.pk, bob.pk])
    MeetingFactory(title="4", owner=bob)
    seen = {actor: titles(api(LIST, ListMeetingsRequest(), actor=actor)) for actor in (ann, bob, administrator)}
    assert seen == {ann: ["3", "2", "1"], bob: ["4", "3", "2"], administrator: ["4", "3", "2", "1"]}


def test_list_continues_page_by_page(api: Transport, ann: User) -> None:
    for number in range(5):
        MeetingFactory(title=str(number), owner=ann, participants=[ann.pk])
    found, token = [], ""
    while True:
        page = PaginationRequest(page_size=2, page_token=token)
        answer = api(LIST, ListMeetingsRequest(pagination=page), actor=ann)
        assert answer.pagination.total_count == 5
        found += titles(answer)
        token = answer.pagination.next_page_token
        if not token:
            break
    assert found == ["4", "3", "2", "1", "0"]


def test_filters_narrow(api: Transport, ann: User, administrator: User) -> None:
    MeetingFactory(title="Weekly planning", owner=ann, starts_at=datetime(2027, 1, 1, tzinfo=UTC))
    MeetingFactory(title="Retrospective", owner=ann, status=Status.COMPLETED)
    late = {"start_time": datetime(2027, 1, 1, tzinfo=UTC), "end_time": datetime(2027, 1, 2, tzinfo=UTC)}
    early = {"end_time": datetime(2027, 1, 1, tzinfo=UTC)}
    for actor in (ann, administrator):
        for asked, expected in (
            (ListMeetingsRequest(query="plan week"), ["Weekly planning"]),
            (ListMeetingsRequest(query="plan retro"), []),
            (ListMeetingsRequest(query="..."), []),
            (ListMeetingsRequest(statuses=[meeting_pb2.MEETING_STATUS_COMPLETED]), ["Retrospective"]),
            (ListMeetingsRequest(starts_at=late), ["Weekly planning"]),
            (ListMeetingsRequest(starts_at=early), []),
        ):
            assert titles(api(LIST, asked, actor=actor)) == expected


def test_bad_requests(api: Transport, ann: User) -> None:
    for asked, field in (
        (ListMeetingsRequest(statuses=[99]), "statuses.0"),  # type: ignore[list-item]
        (ListMeetingsRequest(query="x" * 201), "query"),
        (ListMeetingsRequest(pagination=PaginationRequest(page_token="x")), "page_token"),
    ):
        with pytest.raises(Failed) as failed:
            api(LIST, asked, actor=ann)
        assert (failed.value.reason, list(failed.value.fields)) == ("INVALID", [field])


def test_a_token_is_good_for_one_list_of_one_caller(api: Transport, ann: User, bob: User) -> None:
    for _ in range(2):
        MeetingFactory(owner=ann, participants=[bob.pk])
    page = api(LIST, ListMeetingsRequest(pagination=PaginationRequest(page_size=1)), actor=ann).pagination
    further = PaginationRequest(page_size=1, page_token=page.next_page_token)
    for actor, query in ((bob, ""), (ann, "meeting")):
        with pytest.raises(Failed) as failed:
            api(LIST, ListMeetingsRequest(pagination=further, query=query), actor=actor)
        assert failed.value.fields == {"page_token": "invalid"}


@pytest.mark.parametrize("rows", [1, 20])
def test_list_takes_two_queries_for_any_number_of_rows(ann: User, rows: int) -> None:
    for _ in range(rows):
        MeetingFactory(owner=ann, participants=[ann.pk])
    asked = PageRequest(size=20, token="", exact_count=False, bound_to={})
    queries.list_meetings(ann, asked)  # Compiles the queries.
    with CaptureQueriesContext(connection) as captured:
        assert len(queries.list_meetings(ann, asked).rows) == rows
    assert len(captured) == 2
