import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from meetings.models import ActionItemStatus
from meetings.queries.findings import list_action_items
from tandem.common.v1.common_pb2 import Date
from tandem.meeting.v1 import meeting_pb2
from tandem.meeting.v1.meeting_pb2 import ListActionItemsRequest
from tests.support.factories import (
    ActionItemFactory,
    MeetingFactory,
    SegmentFactory,
    TranscribedMeetingFactory,
    TranscriptFactory,
)
from tests.support.transports import Failed, Transport
from users.models import User

LIST = "MeetingService/ListActionItems"


def test_items_are_listed_in_spoken_order(api: Transport, ann: User, bob: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann, participants=[bob.pk])
    for place in (2, 0, 1):
        ActionItemFactory(meeting=meeting, place=place, text=str(place))
    ActionItemFactory()
    for actor in (ann, bob):
        items = api(LIST, ListActionItemsRequest(meeting_id=str(meeting.pk)), actor=actor).action_items
        assert [item.text for item in items] == ["0", "1", "2"]


def test_item_has_all_fields(api: Transport, ann: User, bob: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann)
    segment_id = SegmentFactory(meeting=meeting).pk
    stored = ActionItemFactory(
        meeting=meeting, text="send it", owner_name="Bob", assigned_to=bob, due="by friday",
        due_on=datetime.date(2027, 1, 1), segment_ids=[segment_id],
    )  # fmt: skip
    (item,) = api(LIST, ListActionItemsRequest(meeting_id=str(meeting.pk)), actor=ann).action_items
    assert item.id == str(stored.pk)
    assert item.meeting_id == str(meeting.pk)
    assert item.transcript_version == 1
    assert item.text == "send it"
    assert item.owner_name == "Bob"
    assert item.assigned_to == str(bob.pk)
    assert (item.due, item.due_on) == ("by friday", Date(year=2027, month=1, day=1))
    assert list(item.segment_ids) == [str(segment_id)]
    assert item.confidence == 0.8
    assert item.version == 1
    assert item.status == meeting_pb2.ACTION_ITEM_STATUS_PROPOSED
    assert item.task_id == ""
    assert item.decided_by == ""
    assert not item.HasField("decided_at")


def test_versions_and_statuses_narrow(api: Transport, ann: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann)
    TranscriptFactory(meeting=meeting, version=2)
    ActionItemFactory(meeting=meeting, text="draft")
    ActionItemFactory(meeting=meeting, text="no", status=ActionItemStatus.REJECTED)
    ActionItemFactory(meeting=meeting, transcript_version=2, text="new")
    proposed, rejected = meeting_pb2.ACTION_ITEM_STATUS_PROPOSED, meeting_pb2.ACTION_ITEM_STATUS_REJECTED
    for version, statuses, expected in (
        (0, [], ["draft", "no"]),
        (0, [proposed], ["draft"]),
        (1, [proposed, rejected], ["draft", "no"]),
        (2, [], ["new"]),
        (2, [rejected], []),
    ):
        request = ListActionItemsRequest(meeting_id=str(meeting.pk), transcript_version=version, statuses=statuses)
        assert [item.text for item in api(LIST, request, actor=ann).action_items] == expected


def test_list_is_empty_before_the_first_transcript(api: Transport, ann: User) -> None:
    request = ListActionItemsRequest(meeting_id=str(MeetingFactory(owner=ann).pk))
    assert list(api(LIST, request, actor=ann).action_items) == []


def test_unknown_status_is_rejected(api: Transport, ann: User) -> None:
    meeting_id = str(TranscribedMeetingFactory(owner=ann).pk)
    with pytest.raises(Failed) as failed:
        api(LIST, ListActionItemsRequest(meeting_id=meeting_id, statuses=[99]), actor=ann)  # type: ignore[list-item]
    assert failed.value.fields == {"statuses.0": "choice"}


def test_unknown_ids_are_not_found(api: Transport, ann: User, bob: User) -> None:
    meeting_id = str(TranscribedMeetingFactory(owner=ann).pk)
    for request, actor in (
        (ListActionItemsRequest(meeting_id="nonsense"), ann),
        (ListActionItemsRequest(meeting_id="a\0b"), ann),
        (ListActionItemsRequest(meeting_id=meeting_id), bob),
        (ListActionItemsRequest(meeting_id=meeting_id, transcript_version=2), ann),
    ):
        with pytest.raises(Failed) as failed:
            api(LIST, request, actor=actor)
        assert failed.value.reason == "NOT_FOUND"


def test_list_takes_two_queries_for_any_number_of_rows(ann: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann)
    ActionItemFactory.create_batch(5, meeting=meeting)
    with CaptureQueriesContext(connection) as captured:
        assert len(list_action_items(ann, str(meeting.pk), 0)) == 5
    assert len(captured) == 2
