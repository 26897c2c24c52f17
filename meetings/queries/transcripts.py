"""Reading what was said: a meeting's transcript, and words in all of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from core.db import search
from core.db.compiled_queries import Value
from core.db.pagination import COUNT_LIMIT, ListQuery, Order, Page, PageRequest, page
from core.errors import invalid
from meetings.models import Meeting, Segment, Transcript, takes_part
from meetings.queries import MAX_QUERY_LENGTH, NEWEST_FIRST, get_meeting

AS_SAID = Order("start_ms")

# The words only serve the search.
_DEFERRED = ("search_words",)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of segments, and the titles of their meetings by id."""

    page: Page[Segment]
    titles: Mapping[UUID, str]


def version_of(meeting: Meeting, sent: int) -> int:
    """The version that is meant by the one that is asked for: 0 = the current one, which is 0 while there is none.

    Raises:
        Transcript.DoesNotExist: the meeting has no such version.
    """
    if sent and sent != meeting.transcript_version:
        if sent < 0 or not Transcript.objects.filter(meeting=meeting.pk, version=sent).exists():
            raise Transcript.DoesNotExist(f"Meeting with ID '{meeting.pk}' has no transcript of version {sent}")
        return sent
    return meeting.transcript_version


def get_transcript(actor: Any, meeting_id: str, version: int, asked: PageRequest) -> Page[Segment]:
    """What was said in a version (0 = the current one), in the order in which it was.

    Raises:
        Meeting.DoesNotExist, Transcript.DoesNotExist
        ValidationError: on `page_size` or `page_token`, which is good for this version only.
    """
    meeting = get_meeting(actor, meeting_id)
    meant = version_of(meeting, version)
    bound_to = {**asked.bound_to, "caller": actor.pk, "meeting": meeting.pk, "version": meant}
    values: dict[str, Value] = {"meeting_id": meeting.pk, "version": meant}
    return page(ListQuery(Segment, _said, (), values, deferred=_DEFERRED), replace(asked, bound_to=bound_to), AS_SAID)


def search_transcripts(actor: Any, query: str, asked: PageRequest) -> Found:
    """Segments in which a word begins with each word of the query, newest first: of all meetings that the actor may
    see, in their current versions.

    Raises:
        ValidationError: on `query`, `page_size` or `page_token`.
    """
    query = search.checked_query(query, MAX_QUERY_LENGTH)
    if not query:
        raise invalid("query", "required", "Say what to look for.")
    asked = replace(asked, bound_to={**asked.bound_to, "caller": actor.pk, "query": query})
    found = page(_selection(actor, query), asked, NEWEST_FIRST)
    meetings = Meeting.objects.filter(pk__in={segment.meeting_id for segment in found.rows})
    return Found(found, dict(meetings.values_list("pk", "title")))


def _said(meeting_id: UUID, version: int) -> QuerySet[Segment]:
    return Segment.objects.filter(meeting=meeting_id, transcript_version=version)


def _selection(actor: Any, query: str) -> ListQuery[Segment]:
    if not actor.is_authenticated:
        return ListQuery(Segment, Segment.objects.none)
    values: dict[str, Value] = {"query": query}
    if not actor.is_administrator:
        values["member_id"] = actor.pk
    # Who looks for what was said long ago must not walk along all that was said since: up to where rows are counted,
    # those that match are fetched by the index of words, or of the meeting (measured with 100,000 segments).
    return ListQuery(Segment, _with_words, (), values, scattered=True, few=COUNT_LIMIT, deferred=_DEFERRED)


def _with_words(query: str, member_id: UUID | None = None) -> tuple[QuerySet[Segment], ...]:
    """With a member, one queryset for what they own and one for what they take part in."""
    rows = Segment.objects.filter(
        search.matches("search_words", query), transcript_version=F("meeting__transcript_version")
    )
    if member_id is None:
        return (rows,)
    meetings = Meeting.objects.filter(owner=member_id), Meeting.objects.filter(takes_part(member_id))
    return tuple(rows.filter(meeting__in=some) for some in meetings)
