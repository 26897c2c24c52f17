"""The last stage: what was said, in short, and who is to do what. With it the meeting is COMPLETED."""

from collections.abc import Sequence

from core.models import save_clean
from meetings.models import ActionItem, Meeting, Speaker, Stage, Summary
from meetings.services.pipeline.supervision import watched
from meetings.services.pipeline.transcribing import input_hash
from meetings.services.pipeline.work import Work
from meetings.speech import protocols
from meetings.speech.pool import nodes
from meetings.speech.protocols import DetectedActionItem, Engine, Kind, Person, Statement, SummaryRequest, Utterance
from users.models import OPEN, User

#: Of the contract; what comes later in a recording of days is not looked at.
MAX_SEGMENTS = 20_000
_MAX_LINE_LENGTH = 200


def summarize(work: Work) -> None:
    """From the segments as they are now, corrected or not, with the people who take part now.

    Raises:
        EngineError, Failed, NotOurs, Unwanted, Later
    """
    transcript = work.transcript
    chosen = nodes().choose(Kind.SUMMARY, transcript.spoken_language)
    segments = _spoken(work)
    hashed = input_hash(*((one.segment_id, one.text) for one in segments))
    run = work.begin_stage(Stage.SUMMARIZING, hashed, chosen.about)
    asked = SummaryRequest(work.name, segments, transcript.spoken_language, _roster(work), transcript.held_on)
    with watched(work, chosen.node) as call:
        made = chosen.ask.summarize(asked, call)
    with work.commit(made_progress=True) as meeting:
        _insert(work, meeting, made, chosen.about)
        work.end_stage(run)
        work.complete(meeting)


def complete_silence(work: Work) -> None:
    """COMPLETED, with nothing said: an empty summary, and a notice, which stands there already."""
    with work.commit(made_progress=True) as meeting:
        _insert(work, meeting, protocols.Summary(), None)
        work.complete(meeting)


def _spoken(work: Work) -> list[Utterance]:
    known = Speaker.objects.filter(meeting=work.transcript.meeting_id, transcript_version=work.transcript.version)
    persons = dict(known.exclude(user=None).values_list("pk", "user_id"))
    # Without their words, which take far more memory than the text.
    rows = work.segments().values_list("pk", "start_ms", "end_ms", "text", "speaker_id")[:MAX_SEGMENTS]
    return [
        Utterance(str(segment_id), start_ms, end_ms, text, str(persons.get(speaker_id, "")))
        for segment_id, start_ms, end_ms, text, speaker_id in rows
    ]


def _roster(work: Work) -> list[Person]:
    """The owner and those who take part, if their accounts are open, and how others may call them."""
    meeting = Meeting.objects.filter(pk=work.transcript.meeting_id).values("owner_id", "participants").first()
    ids = [meeting["owner_id"], *meeting["participants"]] if meeting else []
    people = User.objects.filter(pk__in=ids, status__in=OPEN).order_by("pk")
    return [Person(str(user.pk), _names(user)) for user in people]


def _names(user: User) -> tuple[str, ...]:
    names = (user.display_name, user.first_name, f"{user.first_name} {user.last_name}".strip())
    return tuple(dict.fromkeys(name for name in names if name))


def _insert(work: Work, meeting: Meeting, made: protocols.Summary, about: Engine | None) -> None:
    version = work.transcript.version
    save_clean(
        Summary(
            meeting=meeting,
            transcript_version=version,
            overview=_statements(made.overview),
            topics=_statements(made.topics),
            decisions=_statements(made.decisions),
            language=made.language or work.transcript.spoken_language,
            engine=about.told if about else {},
        )
    )
    # Who was on the roster may be gone by now.
    named = {deed.person_id for deed in made.deeds} - {""}
    there = {str(user_id) for user_id in User.objects.filter(pk__in=named).values_list("pk", flat=True)}
    for place, deed in enumerate(made.deeds, 1):
        save_clean(_action_item(meeting, version, place, deed, there))


def _action_item(meeting: Meeting, version: int, place: int, deed: DetectedActionItem, there: set[str]) -> ActionItem:
    return ActionItem(
        meeting=meeting,
        transcript_version=version,
        place=place,
        text=deed.text,
        owner_name=" ".join(deed.owner.split())[:_MAX_LINE_LENGTH],
        assigned_to_id=deed.person_id if deed.person_id in there else None,
        due=" ".join(deed.due.split())[:_MAX_LINE_LENGTH],
        due_on=deed.due_on,
        segment_ids=list(deed.segment_ids),
        confidence=min(1.0, max(0.0, deed.confidence)),
    )


def _statements(made: Sequence[Statement]) -> list[dict[str, object]]:
    return [{"text": one.text, "segment_ids": list(one.segment_ids)} for one in made]
