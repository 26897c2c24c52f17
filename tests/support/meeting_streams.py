"""Streams about one meeting."""

from typing import Any

from meetings.models import Meeting
from tandem.meeting.v1.meeting_pb2 import (
    WatchMeetingRequest,
    WatchMeetingResponse,
)
from tests.support.transports import Transport, Watched
from users.models import User

WATCH = "MeetingService/WatchMeeting"


def watch(api: Transport, meeting: Meeting, actor: User, **asked: Any) -> Watched:
    return api.watch(WATCH, WatchMeetingRequest(meeting_id=str(meeting.pk), **asked), actor=actor)


def live(api: Transport, meeting: Meeting, actor: User) -> Watched:
    """Open a stream and read its initial state."""
    watched = watch(api, meeting, actor, bookmarks=True)
    while kind_of(watched.next()) != "bookmark":
        pass
    return watched


def kind_of(event: WatchMeetingResponse) -> str:
    return event.WhichOneof("event") or "bookmark"


def kinds(events: list[WatchMeetingResponse]) -> list[str]:
    return [kind_of(event) for event in events]


def texts(events: list[WatchMeetingResponse]) -> list[str]:
    return [event.segment.text for event in events if event.HasField("segment")]


def become(meeting: Meeting, **fields: Any) -> None:
    Meeting.objects.filter(pk=meeting.pk).update(**fields)


def rest(watched: Watched) -> list[WatchMeetingResponse]:
    """Return all events until the stream ends without failure."""
    return list(iter(watched.next, None))
