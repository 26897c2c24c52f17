"""Events of streams about one meeting, and those due by the log, as `tests.support.promises` compares them.

It knows status, progress, segments and voices.
"""

from collections.abc import Iterable
from typing import Any

from changes.models import Change
from meetings.watching import PARTS
from tests.support.promises import Due, Received, Truth

#: Its states come as `status` and as `progress`, so it goes by a name of its own.
MEETING = "the meeting"
_NAMES = {"segment": "transcript", "speaker": "speakers"}


def received(message: Any, cursor: str, at: float = 0.0) -> Received:
    """Return an event, but the end, as it is compared."""
    kind = message.WhichOneof("event")
    if kind is None:
        return Received("bookmark", "", 0, cursor, at=at)
    subject = getattr(message, kind)
    if kind == "progress":
        state: Any = subject.progress
    elif kind in ("status", "end"):
        state = subject.title, int(subject.status), subject.progress
    else:
        state = (subject.text, subject.speaker_id) if kind == "segment" else subject.name
    subject_id = MEETING if kind in ("progress", "status", "end") else subject.id
    state = None if message.deleted else state
    return Received(_NAMES.get(kind, kind), subject_id, subject.version, cursor, state, at)


def truth(changes: Iterable[Change], meeting_id: str) -> Truth:
    """Return the events that were due to a watcher of the meeting."""
    return Truth([_due(change) for change in changes if _belongs_to(meeting_id, change)])


def _belongs_to(meeting_id: str, change: Change) -> bool:
    image = change.new or change.old or {}
    return bool(image["id" if change.subject_type == "meeting" else "meeting_id"] == meeting_id)


def _due(change: Change) -> Due:
    new: Any = change.new or {}
    name, subject_id, state = PARTS.get(change.subject_type, ("status", ""))[0], str(change.subject_id), None
    if change.subject_type == "meeting":
        subject_id, state = MEETING, (new["title"], new["status"], new["progress"])
        if change.changed_fields == ["progress"]:
            name, state = "progress", new["progress"]
    elif new:
        state = (new["text"], new["speaker_id"] or "") if name == "transcript" else new["name"]
    return Due(change.seq or 0, change.xid, subject_id, change.subject_version, name, state)
