"""A transcript as a document for people, in Markdown (CommonMark)."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from core.texts import printable
from meetings.models import ActionItem, ActionItemStatus, Segment, Status
from meetings.queries import local_time
from meetings.timecode import full_clock
from meetings.views.exports.reading import Transcription

_INLINE = re.compile(r"([\\`*_\[\]<>&|~!$^])")
#: Characters that have a meaning at the beginning of a line.
_BLOCK = re.compile(r"^(?:([#+=:-])|(\d{1,9})([.)]))")


def render(found: Transcription) -> Iterator[str]:
    """Yield the document: the meeting's data, the findings, and the transcript."""
    yield f"# {text(found.meeting.title)}\n\n"
    yield from _list(_facts(found))
    yield from _section("Participants", map(text, found.people))
    if (summary := found.summary) is not None:
        yield from _section("Summary", (text(statement["text"]) for statement in summary.overview))
        yield from _section("Topics", (text(statement["text"]) for statement in summary.topics))
        yield from _section("Decisions", (text(statement["text"]) for statement in summary.decisions))
    yield from _section("Action items", map(_action_item, found.action_items))
    yield "## Transcript\n"
    yield from _transcript(found)
    yield "\n"


def text(value: str) -> str:
    """Escape a user's text, so that Markdown shows it literally."""
    escaped = _INLINE.sub(r"\\\1", " ".join(printable(value).split()))
    return _BLOCK.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", escaped)


def _facts(found: Transcription) -> Iterator[str]:
    meeting = found.meeting
    if meeting.starts_at is not None:
        yield f"Date: {_date(local_time(meeting.starts_at, found.zone))}"
    if meeting.duration_ms:
        yield f"Length: {full_clock(meeting.duration_ms)}"
    if found.language:
        yield f"Language: {text(found.language)}"
    if found.version:
        yield f"Transcript: version {found.version}"
    if found.status not in (Status.PENDING, Status.COMPLETED):
        yield f"Not finished: {_how_far(found)}"
    if found.notice:
        yield f"Note: {text(found.notice)}"


def _date(local: datetime) -> str:
    offset = f"{local:%z}"
    return f"{local:%Y-%m-%d %H:%M} UTC{'' if offset == '+0000' else f'{offset[:3]}:{offset[3:5]}'}"


def _how_far(found: Transcription) -> str:
    description = str(found.status.label).lower()
    if found.progress is not None:
        description += f" at {found.progress}\u00a0%"
    return f"{description}: {text(found.failure_reason)}" if found.failure_reason else description


def _action_item(item: ActionItem) -> str:
    parts = [text(item.text)]
    if item.owner_name:
        parts.append(f"who: {text(item.owner_name)}")
    if item.due_on is not None or item.due:
        parts.append("by: " + (item.due_on.isoformat() if item.due_on else text(item.due)))
    status = str(ActionItemStatus(item.status).label).lower()
    parts.append(f"{status}, [the task](/api/v1/tasks/{item.task_id})" if item.task_id else status)
    return "; ".join(parts)


def _transcript(found: Transcription) -> Iterator[str]:
    """Yield the turns, each with the speaker's name and the time."""
    segments: Iterator[tuple[str, Segment]] = ((found.speaker_of(segment), segment) for segment in found.segments())
    for speaker, turn in groupby(segments, key=itemgetter(0)):
        for place, (_, segment) in enumerate(turn):
            if not place:
                name = f"**{text(speaker)}** " if speaker else ""
                yield f"\n{name}({full_clock(segment.start_ms)})\n\n"
            yield f"{text(segment.text)}\n"


def _section(title: str, items: Iterable[str]) -> Iterator[str]:
    lines = list(items)
    if lines:
        yield f"## {title}\n\n"
        yield from _list(lines)


def _list(items: Iterable[str]) -> Iterator[str]:
    lines = [f"- {item}\n" for item in items]
    if lines:
        yield "".join(lines) + "\n"
