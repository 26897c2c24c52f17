"""Conversion of changes to the messages of change.v1."""

import json
from collections.abc import Collection, Iterator
from typing import Any

from changes.feed import subjects
from changes.feed.log import ChangeRecord
from changes.feed.subjects import Subject, Visibility
from changes.feed.view import EventKind
from changes.models import Change
from core.conversions import set_timestamp
from core.protojson import to_json
from tandem.change.v1 import change_pb2

_KINDS = {
    EventKind.CREATED: change_pb2.CHANGE_KIND_CREATED,
    EventKind.UPDATED: change_pb2.CHANGE_KIND_UPDATED,
    EventKind.DELETED: change_pb2.CHANGE_KIND_DELETED,
    EventKind.LEFT: change_pb2.CHANGE_KIND_DELETED,
    EventKind.BOOKMARK: change_pb2.CHANGE_KIND_BOOKMARK,
    EventKind.SNAPSHOT_END: change_pb2.CHANGE_KIND_SNAPSHOT_END,
}


def change_message(kind: EventKind, change: ChangeRecord | None, extent: Visibility) -> change_pb2.Change:
    """Return the message of a change, without its cursor, for callers with this visibility of its subject."""
    message = change_pb2.Change(kind=_KINDS[kind])
    if change is None:
        return message
    message.subject_type = change.subject_type
    message.subject_id = change.subject_id
    message.subject_version = change.version
    set_timestamp(message.occurred_at, change.occurred_at)
    message.left_view = kind is EventKind.LEFT
    if extent is Visibility.WHOLE and kind is not EventKind.LEFT:
        # The actor and the reason may reveal what a partial view hides; so may the trace, which other changes share.
        message.actor_id = change.actor
        message.reason = change.reason
        message.traceparent = change.traceparent or ""
    if kind in (EventKind.CREATED, EventKind.UPDATED) and change.new is not None:
        subject = subjects.of(change.subject_type)
        shown = subject.message(subject.row(change.new), extent)
        # `drawing.document` is the field `document`.
        getattr(message, change.subject_type.rpartition(".")[2]).CopyFrom(shown)
        if kind is EventKind.UPDATED:
            message.changed_fields.extend(subject.changed_fields(change, extent))
    return message


#: Of a longer value, the history shows the beginning.
_MAX_VALUE_LENGTH = 1_000
#: Fields of a new row that its entry has itself, or that every row has.
_OF_EVERY_ROW = frozenset(("id", "version", "created_at", "updated_at"))


def history_entry(subject: Subject, change: Change, groups: Collection[str]) -> change_pb2.HistoryEntry:
    """Return the entry of a change for a caller who is in these groups now. It lacks the actor's name.

    A value is shown if the groups see the row as it was then; the reason, if they saw the row that the change made or
    deleted.
    """
    entry = change_pb2.HistoryEntry(
        version=change.subject_version, kind=_KINDS[EventKind(change.operation)], actor_id=change.actor
    )
    set_timestamp(entry.occurred_at, change.occurred_at)
    before, after = (_values(subject, image, groups) for image in (change.old, change.new))
    if (before if change.new is None else after) is not None:
        # The reason of a change that took the row out of their view may reveal why.
        entry.reason = change.reason
    for name in _fields(subject, change, after):
        entry.fields.add(
            field=name,
            before=_text((before or {}).get(name)),
            after=_text((after or {}).get(name)),
            before_hidden=change.old is not None and before is None,
            after_hidden=after is None,
        )
    return entry


def texts_of(entry: change_pb2.HistoryEntry) -> Iterator[str]:
    """Yield the texts of an entry that may be ids of users."""
    yield entry.actor_id
    for field in entry.fields:
        for value in (field.before, field.after):
            # A list of ids, as the participants of a meeting, is JSON.
            yield from (part.strip(' "') for part in value.strip("[]").split(","))


def _fields(subject: Subject, change: Change, after: dict[str, Any] | None) -> list[str]:
    if change.new is None:
        return []
    if change.old is not None:
        return subject.changed_between(change.old, change.new)
    return [name for name, value in (after or {}).items() if value and name not in _OF_EVERY_ROW]


def _values(subject: Subject, image: dict[str, Any] | None, groups: Collection[str]) -> dict[str, Any] | None:
    """Return the values of a row's fields; None if there was no row, or the groups do not see it."""
    if image is None or subjects.extent(subject.audience(image), groups) is not Visibility.WHOLE:
        return None
    values: dict[str, Any] = to_json(subject.message(subject.row(image), Visibility.WHOLE))
    return values


def _text(value: Any) -> str:
    if value in (None, [], {}):
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:_MAX_VALUE_LENGTH]
