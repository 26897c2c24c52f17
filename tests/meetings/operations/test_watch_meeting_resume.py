"""WatchMeeting: cursors, and server-sent events."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from changes import feed
from meetings.models import ActionItem, ActionItemStatus, Meeting, Segment, Status
from tandem.meeting.v1.meeting_pb2 import (
    WatchMeetingRequest,
)
from tests.support.factories import MeetingFactory
from tests.support.meeting_rows import a_segment, a_speaker, a_summary, a_transcript, an_action_item
from tests.support.meeting_streams import WATCH, become, kind_of, kinds, live, rest, watch
from tests.support.rest_transport import RestTransport
from tests.support.transports import Failed, Transport
from users.models import User


@pytest.fixture
def meeting(transactional_db: None, ann: User, bob: User) -> Meeting:
    """Ann's, with Bob, being worked on."""
    meeting: Meeting = MeetingFactory(owner=ann, participants=[bob.pk], status=Status.PROCESSING)
    return meeting


def test_committed_changes_without_number_are_sent_before_the_end(
    watching: Transport, meeting: Meeting, ann: User
) -> None:
    with live(watching, meeting, ann) as watched:
        a_segment(meeting, 1)
        cursor = watched.next().cursor
    feed.sequencer.stop()
    try:
        a_segment(meeting, 2)
        become(meeting, status=Status.COMPLETED)
        again = watch(watching, meeting, ann, cursor=cursor, bookmarks=True)
    finally:
        feed.sequencer.start()
    with again:
        assert kinds(rest(again)) == ["segment", "status", "end"]


def test_stream_resumes_after_every_event(watching: Transport, meeting: Meeting, ann: User) -> None:
    with live(watching, meeting, ann) as watched:
        speaker, item = a_speaker(meeting), an_action_item(meeting)
        for number in range(3):
            segment = a_segment(meeting, number)
            become(meeting, progress=10 * number + 10)
        Segment.objects.filter(pk=segment.pk).update(speaker_id=speaker.pk)
        ActionItem.objects.filter(pk=item.pk).update(status=ActionItemStatus.REJECTED)
        a_summary(meeting)
        Segment.objects.filter(pk=segment.pk).delete()
        become(meeting, status=Status.COMPLETED)
        events = rest(watched)
    assert len(events) == 14
    for place, event in enumerate(events):
        with watch(watching, meeting, ann, cursor=event.cursor) as again:
            # After the end, the end is sent once more.
            assert rest(again) == (events[place + 1 :] or events[-1:])


def test_resumed_stream_gets_changes_after_the_end(watching: Transport, meeting: Meeting, ann: User) -> None:
    become(meeting, status=Status.COMPLETED)
    segment = a_segment(meeting, 1)
    with watch(watching, meeting, ann) as watched:
        cursor = rest(watched)[-1].cursor
    Segment.objects.filter(pk=segment.pk).update(text="Corrected")
    with watch(watching, meeting, ann, cursor=cursor) as watched:
        corrected, end = rest(watched)
    assert (corrected.segment.text, kind_of(end)) == ("Corrected", "end")
    # Once more: it is not over.
    become(meeting, status=Status.QUEUED)
    with watch(watching, meeting, ann, cursor=cursor) as watched:
        assert kinds(watched.take(2)) == ["segment", "status"]
        a_transcript(meeting, 2)
        a_segment(meeting, 1, version=2)
        assert watched.next().segment.transcript_version == 2
        become(meeting, status=Status.FAILED, failure_reason="The file ends too soon.")
        received, end = rest(watched)
        assert end.end == received.status
        assert end.end.failure_reason == "The file ends too soon."


def test_cursor_of_another_meeting_is_rejected(watching: Transport, meeting: Meeting, ann: User) -> None:
    with live(watching, meeting, ann) as watched:
        a_segment(meeting, 1)
        cursor = watched.next().cursor
    for meeting_id, sent in ((MeetingFactory(owner=ann).pk, cursor), (meeting.pk, "made up")):
        with pytest.raises(Failed) as failed:
            watching.watch(WATCH, WatchMeetingRequest(meeting_id=str(meeting_id), cursor=sent), actor=ann).next()
        assert failed.value.reason == "CURSOR_INVALID"


def test_expired_cursor_is_rejected(watching: Transport, meeting: Meeting, ann: User) -> None:
    with live(watching, meeting, ann) as watched:
        for number in range(3):
            a_segment(meeting, number)
        cursor = watched.take(3)[0].cursor
    with connection.cursor() as rows:
        rows.execute("UPDATE changes_head SET oldest = seq")
    with pytest.raises(Failed) as failed:
        watch(watching, meeting, ann, cursor=cursor).next()
    assert failed.value.reason == "CURSOR_EXPIRED"


class TestServerSentEvents:
    """Features of this transport alone: names, `Last-Event-ID`."""

    @pytest.fixture
    def committing_api(self, transactional_db: None) -> Transport:
        return RestTransport()

    @pytest.fixture
    def events(self, watching: RestTransport, ann: User) -> Callable[..., list[dict[str, str]]]:
        """Return all events of a meeting's stream until its end, each as its lines by name."""

        def read(meeting: Meeting, query: str = "", **headers: str) -> list[dict[str, str]]:
            path = f"/api/v1/meetings/{meeting.pk}/stream{query}"
            response: Any = watching.client.get(path, headers={"authorization": watching.bearer(ann), **headers})
            assert response.status_code == 200
            blocks = b"".join(response.streaming_content).decode().split("\n\n")
            received = [dict(line.split(": ", 1) for line in block.split("\n") if ": " in line) for block in blocks]
            return [event for event in received if "event" in event]

        return read

    def test_event_names_and_ids(self, events: Callable[..., list[dict[str, str]]], meeting: Meeting) -> None:
        a_speaker(meeting)
        a_segment(meeting, 1)
        a_summary(meeting)
        an_action_item(meeting)
        become(meeting, status=Status.COMPLETED)
        received = events(meeting, "?bookmarks=true")
        assert [event["event"] for event in received] == [
            "status", "speakers", "transcript", "summary", "action_item", "bookmark", "end",
        ]  # fmt: skip
        assert [event.get("id", "") for event in received] == [
            json.loads(event["data"])["cursor"] for event in received
        ]
        become(meeting, progress=99)
        again = events(meeting, "?cursor=nonsense", **{"last-event-id": received[-1]["id"]})
        assert [event["event"] for event in again] == ["progress", "end"]
        assert json.loads(again[0]["data"])["progress"]["progress"] == 99
        assert [event["event"] for event in events(meeting, "?cursor=nonsense")] == ["resync"]
