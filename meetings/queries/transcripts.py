"""Queries for transcripts: the segments of a meeting, and the search in all transcripts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import F, QuerySet

from core.actors import Actor
from core.db import search
from core.db.compiled_queries import Value
from core.db.pagination import COUNT_LIMIT, ListQuery, Order, Page, PageRequest, page
from core.errors import invalid
from meetings.models import Meeting, Segment, Transcript
from meetings.queries import NEWEST_FIRST, by_ways, get_meeting

AS_SAID = Order("start_ms")

# The column is only used by the search.
_DEFERRED = ("search_words",)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of matching segments, and the titles of their meetings by id."""

    page: Page[Segment]
    titles: Mapping[UUID, str]


def version_of(meeting: Meeting, requested: int) -> int:
    """Return the version to be shown for the requested one: 0 = the current one, which is 0 if there is none yet.

    Raises:
        Transcript.DoesNotExist: the meeting has no such version.
    """
    if requested and requested != meeting.transcript_version:
        if requested < 0 or not Transcript.objects.filter(meeting=meeting.pk, version=requested).exists():
            raise Transcript.DoesNotExist(f"Meeting with ID '{meeting.pk}' has no transcript of version {requested}")
        return requested
    return meeting.transcript_version


def get_transcript(actor: Actor, meeting_id: str, version: int, request: PageRequest) -> Page[Segment]:
    """Return a page of the segments of a version (0 = the current one), in the order of the recording.

    Raises:
        Meeting.DoesNotExist, Transcript.DoesNotExist
        ValidationError: on `page_size` or `page_token`, which is valid for this version only.
    """
    meeting = get_meeting(actor, meeting_id)
    shown = version_of(meeting, version)
    bound_to = {**request.bound_to, "caller": actor.pk, "meeting": meeting.pk, "version": shown}
    values: dict[str, Value] = {"meeting_id": meeting.pk, "version": shown}
    return page(ListQuery(Segment, _said, (), values, deferred=_DEFERRED), replace(request, bound_to=bound_to), AS_SAID)


def search_transcripts(actor: Actor, query: str, request: PageRequest) -> Found:
    """Return a page of the segments that contain, for each word of the query, a word with that prefix; newest first.
    Searches the current versions of all meetings that the actor may see.

    Raises:
        ValidationError: on `query`, `page_size` or `page_token`.
    """
    query = search.checked_query(query)
    if not query:
        raise invalid("query", "required", "Give at least one word to search for.")
    request = replace(request, bound_to={**request.bound_to, "caller": actor.pk, "query": query})
    found = page(_selection(actor, query), request, NEWEST_FIRST)
    meetings = Meeting.objects.filter(pk__in={segment.meeting_id for segment in found.rows})
    return Found(found, dict(meetings.values_list("pk", "title")))


def _said(meeting_id: UUID, version: int) -> QuerySet[Segment]:
    return Segment.objects.filter(meeting=meeting_id, transcript_version=version)


def _selection(actor: Actor, query: str) -> ListQuery[Segment]:
    if not actor.is_authenticated:
        return ListQuery(Segment, Segment.objects.none)
    values: dict[str, Value] = {"query": query}
    if not actor.is_administrator:
        values["member_id"] = actor.pk
    # A search for an old segment must not scan all newer ones. Up to the limit of exact counts, matching rows are
    # fetched by the index of words or of the meeting (measured with 100,000 segments).
    return ListQuery(Segment, _with_words, (), values, scattered=True, few=COUNT_LIMIT, deferred=_DEFERRED)


def _with_words(query: str, member_id: UUID | None = None) -> tuple[QuerySet[Segment], ...]:
    """Return the matching segments; for a member a queryset for each of the ways to see a meeting."""
    rows = Segment.objects.filter(
        search.matches("search_words", query), transcript_version=F("meeting__transcript_version")
    )
    if member_id is None:
        return (rows,)
    return tuple(rows.filter(meeting__in=some) for some in by_ways(Meeting.objects.all(), member_id))
