"""Events of WatchMeeting, the stream about one meeting."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Max, QuerySet

from changes.feed import subjects
from changes.feed.log import ChangeRecord, Image
from changes.feed.subjects import Visibility
from changes.feed.view import EventKind, Subscription, Topic
from core.conversions import set_timestamp
from meetings import policies, queries
from meetings.models import OVER, Meeting, Transcript
from tandem.meeting.v1 import meeting_pb2

MEETING = "meeting"
#: The parts of a meeting, in the order of the initial events: subject type → name of the server-sent event, and field
#: of the message.
PARTS = {
    "meeting.speaker": ("speakers", "speaker"),
    "meeting.segment": ("transcript", "segment"),
    "meeting.summary": ("summary", "summary"),
    "meeting.action_item": ("action_item", "action_item"),
}
_PROGRESS = frozenset(("stage", "progress", "estimated_end_at"))
#: The fields in the event of a deleted part.
_DELETED_PART_FIELDS = ("id", "meeting_id", "transcript_version", "version")


def subscription_for(operation: str, meeting: Meeting) -> Subscription:
    """Return a subscription to a visible meeting. It initially sends only the parts of the newest version."""
    meeting_id = str(meeting.pk)
    newest = Transcript.objects.filter(meeting=meeting).aggregate(Max("version"))["version__max"] or 0
    audience = frozenset({policies.who_see(meeting_id)})
    return Subscription(
        operation,
        meeting_event,
        (MEETING, *PARTS),
        bound_to=meeting_id,
        narrow=partial(_narrow, meeting.pk, newest),
        subject_ids=frozenset({meeting_id}),
        event_name=event_name,
        topic=Topic(
            MEETING,
            meeting_id,
            belongs_to="meeting_id",
            version=meeting.version,
            is_over=_is_over,
            not_found=queries.not_found(meeting_id),
        ),
        granted=dict.fromkeys(PARTS, audience),
    )


def event_name(kind: EventKind, change: ChangeRecord | None) -> str:
    """Return the name of the server-sent event."""
    return "bookmark" if change is None else _event_type(kind, change)[0]


def meeting_event(
    kind: EventKind, change: ChangeRecord | None, visibility: Visibility
) -> meeting_pb2.WatchMeetingResponse:
    """Return the event without its cursor."""
    event = meeting_pb2.WatchMeetingResponse(deleted=kind is EventKind.DELETED)
    if change is None:
        return event
    set_timestamp(event.occurred_at, change.occurred_at)
    subject = subjects.of(change.subject_type)
    message: Any = subject.message(subject.row((change.old if event.deleted else change.new) or {}), visibility)
    place: Any = getattr(event, _event_type(kind, change)[1])
    place.SetInParent()
    if event.deleted:
        for field in place.DESCRIPTOR.fields:
            if field.name in _DELETED_PART_FIELDS:
                setattr(place, field.name, getattr(message, field.name))
        place.version = change.version
    elif isinstance(place, meeting_pb2.Progress):
        place.stage, place.progress, place.version = message.stage, message.progress, message.version
        if message.HasField("estimated_end_at"):
            place.estimated_end_at.CopyFrom(message.estimated_end_at)
    else:
        place.CopyFrom(message)
        if kind is EventKind.END:
            # The same time in every stream, whichever change it ends with.
            event.occurred_at.CopyFrom(message.updated_at)
    return event


def _event_type(kind: EventKind, change: ChangeRecord) -> tuple[str, str]:
    """Return the event's name, and the field of the message."""
    if change.subject_type != MEETING:
        return PARTS[change.subject_type]
    if kind is EventKind.END:
        return "end", "end"
    changed = subjects.of(MEETING).changed_fields(change, Visibility.WHOLE) if kind is EventKind.UPDATED else []
    return ("progress", "progress") if changed and _PROGRESS.issuperset(changed) else ("status", "status")


def _is_over(image: Image) -> bool:
    return image["status"] in OVER


def _narrow(meeting_id: UUID, newest: int, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Select the rows of the newest version and later ones: a version may begin between the queries of two pages."""
    if rows.model is Meeting:
        return rows
    return rows.filter(meeting=meeting_id, transcript_version__gte=newest)
