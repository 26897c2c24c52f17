"""Subscriptions: the part of the log that a stream shows, and the messages of its events."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.db.models import QuerySet
from google.protobuf.message import Message

from changes.feed import subjects
from changes.feed.log import ChangeRecord, Image
from changes.feed.subjects import Visibility
from core.actors import Actor
from core.feeds import Payload


class EventKind(Enum):
    """Kind of an event. The value is its name."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    #: The subject still exists, but left the view.
    LEFT = "left"
    BOOKMARK = "bookmark"
    SNAPSHOT_END = "snapshot_end"
    #: The stream's topic is over, and so is the stream.
    END = "end"

    @property
    def event_type(self) -> str:
        """Name of the event in server-sent events."""
        return "deleted" if self is EventKind.LEFT else self.value


#: Function that returns an event's message, without its cursor. All streams of an operation have the same one, so that
#: they share its messages. The change is None for BOOKMARK and SNAPSHOT_END, and the topic's last one for END.
Render = Callable[[EventKind, ChangeRecord | None, Visibility], Message]


def everything(image: Image) -> bool:
    """Match every subject."""
    return True


def event_type(kind: EventKind, change: ChangeRecord | None) -> str:
    """Return the default name of an event."""
    return kind.event_type


@dataclass(frozen=True, slots=True)
class Topic:
    """The one subject that a stream is about. All other subjects of the stream belong to it (`Subject.belongs_to`).

    Attributes:
        belongs_to: the column in which dependent subjects refer to it.
        version: of the subject when the caller's permission was checked. Leaving the view before it does not end the
            stream.
        is_over: whether no more changes are expected of a row with this image; the stream then ends without an error.
        not_found: error that ends the stream once the subject is deleted or the caller may no longer see it.
    """

    subject_type: str
    subject_id: str
    belongs_to: str
    version: int
    is_over: Callable[[Image], bool]
    not_found: Exception

    @property
    def reference(self) -> tuple[str, str]:
        """The column in which dependent subjects refer to it, and the value of that column."""
        return self.belongs_to, self.subject_id

    def is_of(self, change: ChangeRecord | None) -> bool:
        return change is not None and change.subject_type == self.subject_type

    def has_returned_after(self, left: ChangeRecord | None) -> bool:
        """Return whether the subject is in the view again after this change, by which it left."""
        return left is not None and left.operation != "deleted" and left.version <= self.version


@dataclass(frozen=True, slots=True)
class Subscription:
    """The view of one stream.

    Attributes:
        operation: the rpc; cursors are bound to it and to `bound_to`.
        render: function that returns the message of an event.
        bound_to: the filter, as JSON values.
        matches: the filter as a function of a row's image.
        narrow: the filter for a query, as far as a query can express it. Rows that it removes must not match.
        subject_ids: ids of the subjects that the filter names. Changes of other subjects cost such a stream nothing.
        event_name: function that returns the name of an event in server-sent events.
        topic: the subject that the stream is about, if it is about one. Its type is the first of `subject_types`, and
            its id the only one of `subject_ids`.
        granted: for the types of dependent subjects, the groups that the caller belongs to by seeing the topic.
    """

    operation: str
    render: Render
    subject_types: tuple[str, ...]
    bound_to: Any = None
    matches: Callable[[Image], bool] = everything
    narrow: Callable[[QuerySet[Any]], QuerySet[Any]] = lambda rows: rows
    subject_ids: frozenset[str] = frozenset()
    event_name: Callable[[EventKind, ChangeRecord | None], str] = event_type
    topic: Topic | None = None
    granted: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def ids_of(self, subject_type: str) -> frozenset[str]:
        """Return the ids of this type that the filter names; empty = all that the caller sees."""
        return frozenset() if subject_type in self.granted else self.subject_ids

    def groups(self, subject_type: str, actor: Actor) -> frozenset[str]:
        """Return the groups of this actor that decide which subjects of this type the actor sees."""
        return self.granted.get(subject_type) or subjects.of(subject_type).groups(actor)


@dataclass(frozen=True, slots=True)
class SubscriptionScope:
    """A subscription together with the groups of its caller.

    Attributes:
        groups: the caller's groups by type of subject, without those by memberships.
        members: the caller's groups by memberships, at the position of the stream.
    """

    view: Subscription
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    members: frozenset[str] = frozenset()

    def shown(self, change: ChangeRecord) -> tuple[EventKind, Visibility] | None:
        """Return the kind of event for a change and its visibility; None if the change does not affect the view."""
        view = self.view
        if change.subject_type not in self.groups:
            return None
        if view.subject_ids and change.subject_id not in view.subject_ids and change.subject_type not in view.granted:
            return None
        if change.forgotten:
            if change.subject_type in view.granted:
                return None  # The subject that it belonged to is no longer known.
            # The audience is no longer known. The deletion is sent to all callers, because an id reveals nothing to a
            # caller that did not know it; changes before the deletion are not sent.
            return (EventKind.DELETED, Visibility.PART) if change.operation == "deleted" else None
        after = self.extent(change, self.members, before=False)
        if after is Visibility.WHOLE:
            return EventKind(change.operation), after  # The image before the change need not be parsed.
        before = self.extent(change, self.members, before=True)
        if after is Visibility.NOTHING:
            if before is Visibility.NOTHING:
                return None
            return (EventKind.DELETED if change.operation == "deleted" else EventKind.LEFT), before
        if before is after is Visibility.PART and not subjects.of(change.subject_type).changed_fields(change, after):
            return None
        return EventKind(change.operation), after

    def payload(self, kind: EventKind, change: ChangeRecord | None, extent: Visibility) -> Payload:
        """Return the event's message. Streams of the same operation and visibility share it."""
        render = self.view.render
        derived = _payloads_without_change if change is None else change.derived
        payload: Payload | None = derived.get((render, kind, extent))
        if payload is None:
            # Two threads may both render it; the results are equal, and one is kept.
            payload = derived.setdefault((render, kind, extent), Payload(render(kind, change, extent)))
        return payload

    def allowed(
        self, kind: EventKind, extent: Visibility, change: ChangeRecord, now: frozenset[str]
    ) -> tuple[EventKind, Visibility] | None:
        """Return what of an event the caller may see, who at present belongs to other groups than at its position.

        Args:
            now: the caller's groups by memberships.

        Returns:
            None if nothing of it. An event by which a subject leaves the view is always shown, without content.
        """
        if now is self.members or change.forgotten or kind is EventKind.LEFT:
            return kind, extent
        allowed = min(extent, self.extent(change, now, before=kind is EventKind.DELETED))
        if allowed is Visibility.NOTHING:
            return (kind, Visibility.PART) if kind is EventKind.DELETED else None
        return kind, allowed

    def extent(self, change: ChangeRecord, members: frozenset[str], *, before: bool) -> Visibility:
        """Return how much the caller sees of the row before the change or after it, as a member of these groups."""
        name, matches = change.subject_type, self.view.matches
        seen_by = subjects.of(name).seen_by(change, before=before)
        visibility = subjects.extent(seen_by, self.groups[name])
        if members and visibility is not Visibility.WHOLE:
            visibility = max(visibility, subjects.extent(seen_by, members))
        if visibility and matches is not everything:
            image = change.old if before else change.new
            if image is not None and not matches(image):
                return Visibility.NOTHING
        return visibility


_payloads_without_change: dict[Any, Payload] = {}


def viewer(view: Subscription, actor: Actor) -> SubscriptionScope:
    """Return the subscription with the groups of this actor."""
    return SubscriptionScope(view, {name: view.groups(name, actor) for name in view.subject_types})
