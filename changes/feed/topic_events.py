"""Streams about one subject and its parts: their subscriptions and events, as those of a meeting or a document."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.db.models import QuerySet
from google.protobuf.message import Message

from changes.feed import subjects
from changes.feed.log import ChangeRecord, Image
from changes.feed.subjects import Visibility
from changes.feed.view import EventKind, Subscription, Topic
from core.conversions import set_timestamp


@dataclass(frozen=True, eq=False)
class TopicEvents:
    """The events of an operation that watches one subject. One instance serves all streams of the operation, so that
    they share its messages.

    The message of an event has the fields `status` and `end` with the subject, `progress`, one for each kind of part,
    `deleted` and `occurred_at`.

    Attributes:
        response: class of that message.
        subject_type: of the subject.
        parts: subject type → name of the server-sent event, and field of the message, in the order of the initial
            events.
        belongs_to: the column in which parts refer to the subject.
        progress: the fields whose changes alone are a `progress`.
        deleted: the fields in the event of a deleted part.
        is_over: see `Topic`.
    """

    response: type[Any]
    subject_type: str
    parts: Mapping[str, tuple[str, str]]
    belongs_to: str
    progress: frozenset[str]
    deleted: tuple[str, ...]
    is_over: Callable[[Image], bool]

    def subscription(
        self,
        operation: str,
        row: Any,
        *,
        group: str,
        narrow: Callable[[QuerySet[Any]], QuerySet[Any]],
        not_found: Exception,
    ) -> Subscription:
        """Return a subscription to a visible subject.

        Args:
            group: the audience of its parts; see `Subscription.granted`.
            narrow: selects the initial rows.
        """
        subject_id = str(row.pk)
        return Subscription(
            operation,
            self.event,
            (self.subject_type, *self.parts),
            bound_to=subject_id,
            narrow=narrow,
            subject_ids=frozenset({subject_id}),
            event_name=self.event_name,
            topic=Topic(
                self.subject_type,
                subject_id,
                belongs_to=self.belongs_to,
                version=row.version,
                is_over=self.is_over,
                not_found=not_found,
            ),
            granted=dict.fromkeys(self.parts, frozenset({group})),
        )

    def event_name(self, kind: EventKind, change: ChangeRecord | None) -> str:
        """Return the name of the server-sent event."""
        return "bookmark" if change is None else self._type(kind, change)[0]

    def event(self, kind: EventKind, change: ChangeRecord | None, visibility: Visibility) -> Message:
        """Return the event without its cursor."""
        event = self.response(deleted=kind is EventKind.DELETED)
        if change is None:
            return cast(Message, event)
        set_timestamp(event.occurred_at, change.occurred_at)
        subject = subjects.of(change.subject_type)
        message: Any = subject.message(subject.row((change.old if event.deleted else change.new) or {}), visibility)
        field = self._type(kind, change)[1]
        place: Any = getattr(event, field)
        place.SetInParent()
        if event.deleted:
            _copy(message, place, self.deleted)
            place.version = change.version
        elif field == "progress":
            _copy(message, place, place.DESCRIPTOR.fields_by_name)
        else:
            place.CopyFrom(message)
            if kind is EventKind.END:
                # The same time in every stream, whichever change it ends with.
                event.occurred_at.CopyFrom(message.updated_at)
        return cast(Message, event)

    def _type(self, kind: EventKind, change: ChangeRecord) -> tuple[str, str]:
        """Return the event's name, and the field of the message."""
        if change.subject_type != self.subject_type:
            return self.parts[change.subject_type]
        if kind is EventKind.END:
            return "end", "end"
        subject = subjects.of(self.subject_type)
        changed = subject.changed_fields(change, Visibility.WHOLE) if kind is EventKind.UPDATED else []
        return ("progress", "progress") if changed and self.progress.issuperset(changed) else ("status", "status")


def _copy(message: Any, place: Any, names: Any) -> None:
    """Set those of these fields that the place has, if they are set in the message."""
    for name in names:
        field = place.DESCRIPTOR.fields_by_name.get(name)
        if field is None:
            continue
        if field.message_type is None:
            setattr(place, name, getattr(message, name))
        elif message.HasField(name):
            getattr(place, name).CopyFrom(getattr(message, name))
