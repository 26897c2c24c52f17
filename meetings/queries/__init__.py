"""Queries for meetings, limited to those that the actor may see."""

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import QuerySet

from core.actors import Actor
from core.db import ids, search
from core.db.compiled_queries import Prepared, Value
from core.db.grouped import InGroups
from core.db.pagination import COUNT_LIMIT, ListQuery, Order, Page, PageRequest, Part, page
from core.errors import invalid
from meetings.models import Meeting, Waveform, takes_part
from meetings.models.parts import MeetingChild
from projects.models import ProjectMember, ids_of_member
from projects.queries import role_of
from users.models import User

NEWEST_FIRST = Order("created_at", descending=True)

MAX_PEAKS, DEFAULT_PEAKS = 4_000, 1_000

AnyPart = TypeVar("AnyPart", bound=MeetingChild)

# The column is only used by the search.
_DEFERRED = ("search_words",)
_by_id = Prepared(lambda meeting_id: Meeting.objects.defer(*_DEFERRED).filter(pk=meeting_id))
_of_member_by_id = Prepared(
    lambda meeting_id, member_id: Meeting.objects.defer(*_DEFERRED).filter(pk=meeting_id).visible_to_member(member_id)
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Filter of a list of meetings; an empty attribute does not restrict it.

    Attributes:
        query: prefixes of words in the title.
        project_id: a project's id as the client wrote it.
    """

    statuses: Collection[int] = ()
    query: str = ""
    project_id: str = ""
    starts_from: datetime.datetime | None = None
    starts_until: datetime.datetime | None = None

    def bound_to(self) -> Mapping[str, Any]:
        of_project = {"project": self.project_id} if self.project_id else {}
        return {"statuses": sorted(self.statuses), "query": self.query, **of_project,
                "starts": [self.starts_from, self.starts_until]}  # fmt: skip


def zone_of(meeting: Meeting) -> ZoneInfo:
    """Return the time zone in which the meeting's days are counted: that of its owner's profile, or UTC."""
    name = User.objects.values_list("timezone", flat=True).filter(pk=meeting.owner_id).first()
    return ZoneInfo(name or "UTC")


def local_time(at: datetime.datetime, zone: ZoneInfo) -> datetime.datetime:
    """Return the time in this zone, or in UTC if it is not between the years 1 and 9999 there."""
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at.astimezone(datetime.UTC)


def get_meeting(actor: Actor, meeting_id: str) -> Meeting:
    """Return the meeting with this id, as the client wrote it.

    Raises:
        Meeting.DoesNotExist: also for a malformed id, and for a meeting the actor may not see.
    """
    wanted = ids.parsed(meeting_id)
    meeting = None
    if wanted is not None and actor.is_authenticated:
        meeting = (
            _by_id.first(meeting_id=wanted)
            if actor.is_administrator
            else _of_member_by_id.first(meeting_id=wanted, member_id=actor.pk)
        )
    if meeting is None:
        raise not_found(meeting_id)
    return meeting


def get_recorded_meeting(actor: Actor, meeting_id: str) -> Meeting:
    """Return the meeting as `get_meeting` does, if it has a recording.

    Raises:
        Meeting.DoesNotExist: also if there is no recording.
    """
    meeting = get_meeting(actor, meeting_id)
    if not meeting.recording:
        raise Meeting.DoesNotExist(f"Meeting with ID '{meeting.pk}' has no recording")
    return meeting


def get_waveform(actor: Actor, meeting_id: str, max_peaks: int = 0) -> tuple[Meeting, bytes]:
    """Return a meeting with a recording, and the peaks of that recording: the greatest amplitudes of equal spans.

    Args:
        max_peaks: 0 = `DEFAULT_PEAKS`.

    Returns:
        A byte for each peak, 0 = silence, 255 = full scale. Empty as long as the recording has not been decoded.

    Raises:
        Meeting.DoesNotExist: also if there is no recording.
        ValidationError: on `max_peaks`.
    """
    if not 0 <= max_peaks <= MAX_PEAKS:
        raise invalid("max_peaks", "range", f"Ask for 1 to {MAX_PEAKS:,} peaks.")
    meeting = get_recorded_meeting(actor, meeting_id)
    return meeting, peaks_of(meeting, max_peaks or DEFAULT_PEAKS)


def peaks_of(meeting: Meeting, max_peaks: int = DEFAULT_PEAKS) -> bytes:
    """Return the peaks of a meeting's recording, at most so many; see `get_waveform`."""
    rows = Waveform.objects.filter(meeting=meeting, recording_sha256=meeting.recording_sha256)
    peaks = bytes(rows.values_list("peaks", flat=True).first() or b"")
    count = min(max_peaks, len(peaks))
    ends = [len(peaks) * (place + 1) // count for place in range(count)]
    return bytes(max(peaks[begin:end]) for begin, end in zip([0, *ends], ends, strict=False))


def get_meeting_for_update(actor: Actor, meeting_id: str, *, to_delete: bool = False) -> Meeting:
    """Return the meeting as `get_meeting` does, with its row locked until the transaction ends.

    Args:
        to_delete: lock the row against new references, too, such as a new segment.
    """
    wanted = ids.parsed(meeting_id)
    rows = Meeting.objects.visible_to(actor).defer(*_DEFERRED).select_for_update(of=("self",), no_key=not to_delete)
    meeting = rows.filter(pk=wanted).first() if wanted else None
    if meeting is None:
        raise not_found(meeting_id)
    return meeting


def get_part_for_update(model: type[AnyPart], meeting: Meeting, part_id: str) -> AnyPart:
    """Return the part of the meeting with this id, in any version, with its row locked until the transaction ends.

    The meeting's row is locked for others that lock it to write it, but not for other parts. So a version that is
    completed has, or waits for, all edits that began before (`services.carry_over`).

    Args:
        meeting: one that the actor may see.

    Raises:
        model.DoesNotExist: also for a malformed id.
    """
    wanted = ids.parsed(part_id)
    with connection.cursor() as cursor:
        # The ORM has no FOR SHARE.
        cursor.execute("SELECT FROM meetings_meeting WHERE id = %s FOR SHARE", [meeting.pk])
    rows = model._default_manager.select_for_update(no_key=True)
    part: AnyPart | None = rows.filter(pk=wanted, meeting=meeting.pk).first() if wanted else None
    if part is None:
        raise model.DoesNotExist(f"{str(model._meta.verbose_name).capitalize()} with ID '{part_id}' not found")
    return part


def list_meetings(actor: Actor, request: PageRequest, only: Filter = Filter()) -> Page[Meeting]:
    """Return a page of the meetings that the actor may see, newest first.

    Raises:
        ValidationError: on `query`, `page_size` or `page_token`.
    """
    request = replace(request, bound_to={**request.bound_to, "caller": actor.pk, **only.bound_to()})
    return page(_selection(actor, only), request, NEWEST_FIRST)


def not_found(meeting_id: str) -> Meeting.DoesNotExist:
    """Return the error for a meeting that does not exist or that the caller may not see."""
    return Meeting.DoesNotExist(f"Meeting with ID '{meeting_id}' not found")


def _selection(actor: Actor, only: Filter) -> ListQuery[Meeting]:
    """Return the list query of the meetings that match the filter and that the actor may see."""
    query = search.checked_query(only.query)
    project_id = ids.parsed(only.project_id) if only.project_id else None
    if not actor.is_authenticated or (only.project_id and project_id is None):
        return ListQuery(Meeting, Meeting.objects.none)
    sees_all = actor.is_administrator or role_of(actor, project_id) is not None
    found_by: dict[str, Value | None] = {
        "member_id": None if sees_all else actor.pk,
        "project_id": project_id,
        "query": query or None,
        "starts_from": only.starts_from,
        "starts_until": only.starts_until,
    }
    values = {name: value for name, value in found_by.items() if value is not None}
    narrowed = bool(values.keys() - {"member_id", "project_id"} or only.statuses)
    return ListQuery(
        Meeting,
        _matching,
        (frozenset(only.statuses),),
        values,
        # The meetings of one member are scattered over the order; those of a project, and all, are an order themselves.
        scattered=narrowed or not sees_all,
        few=COUNT_LIMIT if narrowed and not sees_all else 0,
        deferred=_DEFERRED,
    )


def _matching(
    statuses: Collection[int],
    member_id: UUID | None = None,
    project_id: UUID | None = None,
    query: str | None = None,
    starts_from: datetime.datetime | None = None,
    starts_until: datetime.datetime | None = None,
) -> tuple[Part[Meeting], ...]:
    """Return the matching meetings; for a member a part for each of the ways to see them, each with its own index."""
    given = {
        "status__in": sorted(statuses),
        "starts_at__gte": starts_from,
        "starts_at__lt": starts_until,
        "project": project_id,
    }
    conditions = {name: value for name, value in given.items() if value}
    rows = Meeting.objects.filter(**conditions)
    if query is not None:
        rows = rows.filter(search.matches("search_words", query))
    if member_id is None:
        return (rows,)
    owned, attended, _ = by_ways(rows, member_id)
    if project_id is not None:
        # Members of the project see all of its meetings, so this one is not a member.
        return owned, attended
    memberships = ProjectMember.objects.filter(user=member_id)
    of_projects = InGroups(rows, "project", memberships, "project_id", bool(conditions or query))
    return owned, attended, of_projects


def by_ways(rows: QuerySet[Meeting], user_id: UUID) -> tuple[QuerySet[Meeting], QuerySet[Meeting], QuerySet[Meeting]]:
    """Return those of these meetings that the user owns, takes part in, and sees as a member of their project."""
    return rows.filter(owner=user_id), rows.filter(takes_part(user_id)), rows.filter(project__in=ids_of_member(user_id))
