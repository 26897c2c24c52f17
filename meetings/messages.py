"""Meetings in the contract's words: rows to messages, messages to fields."""

from collections.abc import Callable, Iterable
from typing import Any

from core.messages import checked_numbers, read_range, read_timestamp, set_timestamp
from meetings.models import Meeting
from meetings.queries import Filter
from tandem.meeting.v1 import meeting_pb2

#: What a client says of a new meeting, and what a mask of UpdateMeeting may name.
WRITABLE = ("title", "starts_at", "participants", "language", "owner")

#: Column → field of the message, where they differ.
PATHS = {"owner_id": "owner"}

_TIMES = ("starts_at", "created_at", "updated_at")


def meeting_message(meeting: Meeting) -> meeting_pb2.Meeting:
    """The meeting, for who may see it."""
    message = meeting_pb2.Meeting(
        id=str(meeting.pk),
        title=meeting.title,
        participants=[str(user_id) for user_id in meeting.participants],
        language=meeting.language,
        owner=str(meeting.owner_id or ""),
        status=meeting.status,  # type: ignore[arg-type]  # the numbers are the contract's
        progress=meeting.progress,
        failure_reason=meeting.failure_reason,
        version=meeting.version,
    )
    for name in _TIMES:
        if (at := getattr(meeting, name)) is not None:
            set_timestamp(getattr(message, name), at)
    return message


def meeting_fields(
    sent: meeting_pb2.Meeting | meeting_pb2.CreateMeetingRequest, paths: Iterable[str]
) -> dict[str, Any]:
    """The named paths of what was sent, as the services take them.

    Raises:
        ValidationError: a time that cannot be.
    """
    return {name: _READ[name](sent, name) if name in _READ else getattr(sent, name) for name in paths}


def meeting_filter(request: meeting_pb2.ListMeetingsRequest) -> Filter:
    """Which meetings the request asks for.

    Raises:
        ValidationError: on what cannot be read.
    """
    starts_from, starts_until = read_range(request, "starts_at")
    return Filter(
        statuses=checked_numbers(meeting_pb2.MeetingStatus.DESCRIPTOR, request.statuses, "statuses"),
        query=request.query,
        starts_from=starts_from,
        starts_until=starts_until,
    )


_READ: dict[str, Callable[[Any, str], Any]] = {
    "starts_at": read_timestamp,
    "participants": lambda message, name: list(message.participants),
}
