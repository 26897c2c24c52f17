"""Last stage: create the summary and the action items."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from core.db.saving import save_clean
from meetings.models import ActionItem, Meeting, Speaker, Stage, Summary
from meetings.services.carry_over import carry_words
from meetings.services.carry_over.decisions import renew
from meetings.services.first_person import assign_first_person_items
from meetings.services.pipeline.supervision import watched
from meetings.services.pipeline.transcribing import input_hash
from meetings.services.pipeline.understanding import judge
from meetings.services.pipeline.work import Work
from meetings.speech.node import describe
from tandem.speech.v1 import speech_pb2
from users.models import OPEN_ACCOUNT_STATUSES, User

#: From the contract. Later segments of an extremely long recording are ignored.
MAX_SEGMENTS = 20_000
_MAX_LINE_LENGTH = 200


def summarize(work: Work) -> None:
    """Summarise the segments in their current, possibly corrected, state, with the current participants.

    Raises:
        Failed: hardly anything was understood; or the engine failed too often.
        EngineError, LeaseLost, Cancelled, Reschedule
    """
    judge(work)
    transcript = work.transcript
    chosen = work.choose(speech_pb2.ENGINE_KIND_SUMMARY, transcript.spoken_language)
    if not transcript.summarizing_again:
        with work.commit() as meeting:
            carry_words(meeting, transcript)
    segments = _spoken(work)
    hashed = input_hash(*((one.segment_id, one.text) for one in segments))
    run = work.begin_stage(Stage.SUMMARIZING, hashed, chosen.engine)
    request = speech_pb2.SummarizeRequest(
        session_id=work.name,
        segments=segments,
        language=transcript.spoken_language,
        roster=_roster(work),
        held_on=transcript.held_on.isoformat() if transcript.held_on else "",
    )
    with watched(work, chosen.node) as call:
        summary = chosen.summarize(request, call)
    with work.commit(made_progress=True) as meeting:
        _store(work, meeting, summary, chosen.engine)
        work.end_stage(run)


def complete(work: Work) -> None:
    """Complete a meeting, with or without the results of the stages after the first."""
    with work.commit(made_progress=True) as meeting:
        work.complete(meeting)


def complete_silence(work: Work) -> None:
    """Complete a meeting without speech, with an empty summary. The transcription stage has set the notice."""
    with work.commit(made_progress=True) as meeting:
        _store(work, meeting, speech_pb2.Summary(), None)
        work.complete(meeting)


def _spoken(work: Work) -> list[speech_pb2.SpokenSegment]:
    known = Speaker.objects.filter(meeting=work.transcript.meeting_id, transcript_version=work.transcript.version)
    persons = dict(known.exclude(user=None).values_list("pk", "user_id"))
    # The column `words` is not read: it takes far more memory than the text.
    rows = work.segments().values_list("pk", "start_ms", "end_ms", "text", "speaker_id")[:MAX_SEGMENTS]
    return [
        speech_pb2.SpokenSegment(
            segment_id=str(segment_id),
            start_ms=start_ms,
            end_ms=end_ms,
            text=text,
            person_id=str(persons.get(speaker_id, "")),
        )
        for segment_id, start_ms, end_ms, text, speaker_id in rows
    ]


def people_of(work: Work) -> QuerySet[User]:
    """Return the owner and the participants with open accounts."""
    meeting = Meeting.objects.filter(pk=work.transcript.meeting_id).values("owner_id", "participants").first()
    ids = [meeting["owner_id"], *meeting["participants"]] if meeting else []
    return User.objects.filter(pk__in=ids, status__in=OPEN_ACCOUNT_STATUSES).order_by("pk")


def _roster(work: Work) -> list[speech_pb2.Person]:
    """Return the people of the meeting, and the names by which others may call them."""
    return [speech_pb2.Person(person_id=str(user.pk), names=_names(user)) for user in people_of(work)]


def _names(user: User) -> tuple[str, ...]:
    names = (user.display_name, user.first_name, f"{user.first_name} {user.last_name}".strip())
    return tuple(dict.fromkeys(name for name in names if name))


def _store(work: Work, meeting: Meeting, summary: speech_pb2.Summary, engine: speech_pb2.Engine | None) -> None:
    """Insert the summary and the action items of the version, or update those that it has."""
    version = work.transcript.version
    fields: dict[str, Any] = {
        "overview": _statements(summary.overview),
        "topics": _statements(summary.topics),
        "decisions": _statements(summary.decisions),
        "language": summary.language or work.transcript.spoken_language,
        "engine": describe(engine) if engine else {},
    }
    if stored := Summary.objects.filter(meeting=meeting, transcript_version=version).first():
        save_clean(stored, **fields)
    else:
        save_clean(Summary(meeting=meeting, transcript_version=version, **fields))
    # A person of the roster may have been deleted since.
    person_ids = {item.person_id for item in summary.action_items} - {""}
    user_ids = {str(user_id) for user_id in User.objects.filter(pk__in=person_ids).values_list("pk", flat=True)}
    renew(
        [_action_item(meeting, version, place, item, user_ids) for place, item in enumerate(summary.action_items, 1)],
        list(ActionItem.objects.filter(meeting=meeting, transcript_version=version).order_by("place")),
    )
    # A voice may have been named while the engine was working.
    assign_first_person_items(meeting.pk, version)


def _action_item(
    meeting: Meeting, version: int, place: int, item: speech_pb2.ActionItem, user_ids: set[str]
) -> ActionItem:
    return ActionItem(
        meeting=meeting,
        transcript_version=version,
        place=place,
        text=item.text,
        owner_name=" ".join(item.owner.split())[:_MAX_LINE_LENGTH],
        assigned_to_id=item.person_id if item.person_id in user_ids else None,
        due=" ".join(item.due.split())[:_MAX_LINE_LENGTH],
        due_on=date.fromisoformat(item.due_on) if item.due_on else None,
        segment_ids=[UUID(segment_id) for segment_id in item.segment_ids],
        confidence=min(1.0, max(0.0, item.confidence)),
    )


def _statements(statements: Iterable[speech_pb2.Statement]) -> list[dict[str, object]]:
    return [{"text": one.text, "segment_ids": list(one.segment_ids)} for one in statements]
