"""Conversion of changes to the messages of change.v1."""

from changes.feed import subjects
from changes.feed.log import ChangeRecord
from changes.feed.subjects import Visibility
from changes.feed.view import EventKind
from core.conversions import set_timestamp
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
        # The actor and the reason may reveal what a partial view hides.
        message.actor_id = change.actor
        message.reason = change.reason
    if kind in (EventKind.CREATED, EventKind.UPDATED) and change.new is not None:
        subject = subjects.of(change.subject_type)
        shown = subject.message(subject.row(change.new), extent)
        # `drawing.document` is the field `document`.
        getattr(message, change.subject_type.rpartition(".")[2]).CopyFrom(shown)
        if kind is EventKind.UPDATED:
            message.changed_fields.extend(subject.changed_fields(change, extent))
    return message
