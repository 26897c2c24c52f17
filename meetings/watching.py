"""What a stream about one meeting shows: WatchMeeting's events."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Max, QuerySet

from changes.feed import subjects
from changes.feed.log import ChangeRecord, Image
from changes.feed.subjects import Visibility
from changes.feed.view import Kind, Subscription, Topic
from core.conversions import set_timestamp
from meetings import policies, queries
from meetings.models import OVER, Meeting, Transcript
from tandem.meeting.v1 import meeting_pb2

MEETING = "meeting"
#: What belongs to a meeting, in the order in which it is told at first: type → what server-sent events call it, and the
#: field of the message.
PARTS = {
    "meeting.speaker": ("speakers", "speaker"),
    "meeting.segment": ("transcript", "segment"),
    "meeting.summary": ("summary", "summary"),
    "meeting.action_item": ("action_item", "action_item"),
}
_PROGRESS = frozenset(("stage", "progress", "estimated_end_at"))
#: What is told of a part that is gone.
_LEFT_OF_A_PART = ("id", "meeting_id", "transcript_version", "version")


def watched(operation: str, meeting: Meeting) -> Subscription:
    """All of this meeting, which the caller sees; at first only what belongs to its newest version."""
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


def event_name(kind: Kind, change: ChangeRecord | None) -> str:
    """What server-sent events call it."""
    return "bookmark" if change is None else _told_as(kind, change)[0]


def meeting_event(kind: Kind, change: ChangeRecord | None, extent: Visibility) -> meeting_pb2.WatchMeetingResponse:
    """The event without its cursor."""
    event = meeting_pb2.WatchMeetingResponse(deleted=kind is Kind.DELETED)
    if change is None:
        return event
    set_timestamp(event.occurred_at, change.occurred_at)
    subject = subjects.of(change.subject_type)
    told: Any = subject.message(subject.row((change.old if event.deleted else change.new) or {}), extent)
    place: Any = getattr(event, _told_as(kind, change)[1])
    place.SetInParent()
    if event.deleted:
        for field in place.DESCRIPTOR.fields:
            if field.name in _LEFT_OF_A_PART:
                setattr(place, field.name, getattr(told, field.name))
        place.version = change.version
    elif isinstance(place, meeting_pb2.Progress):
        place.stage, place.progress, place.version = told.stage, told.progress, told.version
        if told.HasField("estimated_end_at"):
            place.estimated_end_at.CopyFrom(told.estimated_end_at)
    else:
        place.CopyFrom(told)
        if kind is Kind.END:
            # By whichever change this stream knows of it.
            event.occurred_at.CopyFrom(told.updated_at)
    return event


def _told_as(kind: Kind, change: ChangeRecord) -> tuple[str, str]:
    """Its name, and the field of the message."""
    if change.subject_type != MEETING:
        return PARTS[change.subject_type]
    if kind is Kind.END:
        return "end", "end"
    changed = subjects.of(MEETING).changed_fields(change, Visibility.WHOLE) if kind is Kind.UPDATED else []
    return ("progress", "progress") if changed and _PROGRESS.issuperset(changed) else ("status", "status")


def _is_over(image: Image) -> bool:
    return image["status"] in OVER


def _narrow(meeting_id: UUID, newest: int, rows: QuerySet[Any]) -> QuerySet[Any]:
    """All of the newest version, and of any that begins meanwhile: the pages are of different moments."""
    if rows.model is Meeting:
        return rows
    return rows.filter(meeting=meeting_id, transcript_version__gte=newest)
