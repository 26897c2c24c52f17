"""Reading meetings: what an actor may see of them."""

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from core.db import ids, search
from core.db.compiled_queries import Prepared, Value
from core.db.pagination import ListQuery, Order, Page, PageRequest, page
from meetings.models import Meeting, takes_part
from meetings.models.parts import MeetingChild

NEWEST_FIRST = Order("created_at", descending=True)
MAX_QUERY_LENGTH = 200

AnyPart = TypeVar("AnyPart", bound=MeetingChild)

# The words only serve the search.
_DEFERRED = ("search_words",)
_by_id = Prepared(lambda meeting_id: Meeting.objects.defer(*_DEFERRED).filter(pk=meeting_id))
_of_member_by_id = Prepared(
    lambda meeting_id, member_id: Meeting.objects.defer(*_DEFERRED).filter(pk=meeting_id).visible_to_member(member_id)
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which meetings a list holds; an empty part does not narrow it.

    Attributes:
        query: the beginnings of words in the title.
    """

    statuses: Collection[int] = ()
    query: str = ""
    starts_from: datetime.datetime | None = None
    starts_until: datetime.datetime | None = None

    def bound_to(self) -> Mapping[str, Any]:
        return {"statuses": sorted(self.statuses), "query": self.query, "starts": [self.starts_from, self.starts_until]}


def get_meeting(actor: Any, meeting_id: str) -> Meeting:
    """The meeting with this id, as the client wrote it.

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


def get_meeting_for_update(actor: Any, meeting_id: str, *, to_delete: bool = False) -> Meeting:
    """As `get_meeting`, with the row locked until the transaction ends.

    Args:
        to_delete: locked so that nobody adds to the meeting either, such as a segment.
    """
    wanted = ids.parsed(meeting_id)
    rows = Meeting.objects.visible_to(actor).defer(*_DEFERRED).select_for_update(of=("self",), no_key=not to_delete)
    meeting = rows.filter(pk=wanted).first() if wanted else None
    if meeting is None:
        raise not_found(meeting_id)
    return meeting


def get_part_for_update(model: type[AnyPart], meeting: Meeting, part_id: str) -> AnyPart:
    """What belongs to the meeting and has this id, of whichever version; its row is locked until the transaction ends.

    Args:
        meeting: one that the actor may see.

    Raises:
        model.DoesNotExist: also for a malformed id.
    """
    wanted = ids.parsed(part_id)
    rows = model._default_manager.select_for_update(no_key=True)
    part: AnyPart | None = rows.filter(pk=wanted, meeting=meeting.pk).first() if wanted else None
    if part is None:
        raise model.DoesNotExist(f"{str(model._meta.verbose_name).capitalize()} with ID '{part_id}' not found")
    return part


def list_meetings(actor: Any, asked: PageRequest, only: Filter = Filter()) -> Page[Meeting]:
    """Meetings the actor may see, newest first.

    Raises:
        ValidationError: on `query`, `page_size` or `page_token`.
    """
    asked = replace(asked, bound_to={**asked.bound_to, "caller": actor.pk, **only.bound_to()})
    return page(_selection(actor, only), asked, NEWEST_FIRST)


def not_found(meeting_id: str) -> Meeting.DoesNotExist:
    """What is said of a meeting that is not there, or not for this caller to see."""
    return Meeting.DoesNotExist(f"Meeting with ID '{meeting_id}' not found")


def _selection(actor: Any, only: Filter) -> ListQuery[Meeting]:
    """The meetings that fit the filter, as far as the actor may see them."""
    query = search.checked_query(only.query, MAX_QUERY_LENGTH)
    if not actor.is_authenticated:
        return ListQuery(Meeting, Meeting.objects.none)
    found_by: dict[str, Value | None] = {
        "member_id": None if actor.is_administrator else actor.pk,
        "query": query or None,
        "starts_from": only.starts_from,
        "starts_until": only.starts_until,
    }
    values = {name: value for name, value in found_by.items() if value is not None}
    # Those that somebody takes part in lie anywhere in the order; those of all are the list itself.
    return ListQuery(
        Meeting,
        _matching,
        (frozenset(only.statuses),),
        values,
        scattered=bool(values or only.statuses),
        deferred=_DEFERRED,
    )


def _matching(
    statuses: Collection[int],
    member_id: UUID | None = None,
    query: str | None = None,
    starts_from: datetime.datetime | None = None,
    starts_until: datetime.datetime | None = None,
) -> tuple[QuerySet[Meeting], ...]:
    """With a member, one queryset for what they own and one for what they take part in, each by an index of its own."""
    conditions = {"status__in": sorted(statuses), "starts_at__gte": starts_from, "starts_at__lt": starts_until}
    rows = Meeting.objects.filter(**{name: value for name, value in conditions.items() if value})
    if query is not None:
        rows = rows.filter(search.matches("search_words", query))
    return (rows,) if member_id is None else (rows.filter(owner=member_id), rows.filter(takes_part(member_id)))
