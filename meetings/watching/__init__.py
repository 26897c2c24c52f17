"""Events of WatchMeeting, the stream about one meeting."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Max, QuerySet

from changes.feed.topic_events import TopicEvents
from changes.feed.view import Subscription
from meetings import policies, queries
from meetings.models import OVER, Meeting, Transcript
from tandem.meeting.v1 import meeting_pb2

#: The parts of a meeting, in the order of the initial events: subject type → name of the server-sent event, and field
#: of the message.
PARTS = {
    "meeting.speaker": ("speakers", "speaker"),
    "meeting.segment": ("transcript", "segment"),
    "meeting.summary": ("summary", "summary"),
    "meeting.action_item": ("action_item", "action_item"),
}
EVENTS = TopicEvents(
    meeting_pb2.WatchMeetingResponse,
    "meeting",
    PARTS,
    belongs_to="meeting_id",
    progress=frozenset(("stage", "progress", "estimated_end_at")),
    deleted=("id", "meeting_id", "transcript_version"),
    is_over=lambda image: image["status"] in OVER,
)


def subscription_for(operation: str, meeting: Meeting) -> Subscription:
    """Return a subscription to a visible meeting. It initially sends only the parts of the newest version."""
    newest = Transcript.objects.filter(meeting=meeting).aggregate(Max("version"))["version__max"] or 0
    return EVENTS.subscription(
        operation,
        meeting,
        group=policies.who_see(str(meeting.pk)),
        narrow=partial(_narrow, meeting.pk, newest),
        not_found=queries.not_found(str(meeting.pk)),
    )


def _narrow(meeting_id: UUID, newest: int, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Select the rows of the newest version and later ones: a version may begin between the queries of two pages."""
    if rows.model is Meeting:
        return rows
    return rows.filter(meeting=meeting_id, transcript_version__gte=newest)
