"""Statistics of the meetings that an actor may see."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import CharField, Count, F, Sum
from django.db.models.functions import Cast, Coalesce

from core.actors import Actor
from meetings.models import Meeting, Speaker, Status
from meetings.queries import by_ways

#: The largest number of speakers in the statistics.
MAX_SPEAKERS = 1_000


@dataclass(frozen=True, slots=True)
class MeetingStats:
    """Number of meetings by status, total length of recordings, and speech time by speaker; times in ms.

    Attributes:
        talk_ms: by user id, else by the speaker's name, or empty for all unnamed speakers; longest first.
    """

    by_status: Mapping[int, int]
    recorded_ms: int
    talk_ms: Mapping[str, int]


def get_meeting_stats(
    actor: Actor, made_from: datetime.datetime | None = None, made_until: datetime.datetime | None = None
) -> MeetingStats:
    """Return the statistics of the meetings that the actor may see and that were created from `made_from` on and before
    `made_until`.
    """
    bounds = {"created_at__gte": made_from, "created_at__lt": made_until}
    meetings = Meeting.objects.filter(**{name: at for name, at in bounds.items() if at})
    if not actor.is_authenticated:
        meetings = meetings.none()
    elif not actor.is_administrator:
        # Each of the ways has its own index; with the OR of all, each meeting of the server would be read.
        first, *others = (rows.values("pk") for rows in by_ways(meetings, actor.pk))
        meetings = Meeting.objects.filter(pk__in=first.union(*others))
    counted = meetings.values_list("status").annotate(many=Count("*"), lasted_ms=Sum("duration_ms"))
    by_status: dict[int, int] = dict.fromkeys(Status, 0)
    recorded_ms = 0
    for status, count, lasted_ms in counted:
        by_status[status] = count
        recorded_ms += int(lasted_ms)
    speakers = Speaker.objects.filter(meeting__in=meetings, transcript_version=F("meeting__transcript_version"))
    who = Coalesce(Cast("user_id", CharField()), "name", output_field=CharField())
    talk = speakers.values_list(who).annotate(spoke_ms=Sum("speech_ms")).order_by("-spoke_ms")[:MAX_SPEAKERS]
    return MeetingStats(by_status, recorded_ms, {name: int(spoke_ms) for name, spoke_ms in talk})


def figures_of_project(project_id: UUID) -> Mapping[str, int | Mapping[str, int]]:
    """Return the figures of the meetings of a project, by field of project.v1.GetProjectStatsResponse."""
    meetings = Meeting.objects.filter(project=project_id).values_list("status")
    rows = meetings.annotate(many=Count("*"), lasted_ms=Sum("duration_ms"))
    counted = {status: (many, int(lasted_ms)) for status, many, lasted_ms in rows}
    return {
        "meetings_by_status": {status.name.lower(): counted.get(status, (0, 0))[0] for status in Status},
        "meetings_recorded_ms": sum(lasted_ms for _, lasted_ms in counted.values()),
    }
