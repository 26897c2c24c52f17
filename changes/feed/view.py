"""What one stream shows of the log: which subjects, to whom, in which messages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.db.models import QuerySet
from google.protobuf.message import Message

from changes.feed import subjects
from changes.feed.log import ChangeRecord, Image
from changes.feed.subjects import Visibility
from core.feeds import Payload


class Kind(Enum):
    """What an event tells. The value is its name."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    #: The subject is still there, but left the view.
    LEFT = "left"
    BOOKMARK = "bookmark"
    SNAPSHOT_END = "snapshot_end"
    #: The stream's topic is over, and so is the stream.
    END = "end"

    @property
    def event_type(self) -> str:
        """As clients know it."""
        return "deleted" if self is Kind.LEFT else self.value


#: Makes an event's message, without its cursor; a module's function, so that streams of one operation share what it
#: makes. The change is None for BOOKMARK and SNAPSHOT_END; for END it is what the topic was told to be last.
Render = Callable[[Kind, ChangeRecord | None, Visibility], Message]


def everything(image: Image) -> bool:
    """The filter that lets all pass."""
    return True


def event_type(kind: Kind, change: ChangeRecord | None) -> str:
    """What most streams call an event."""
    return kind.event_type


@dataclass(frozen=True, slots=True)
class Topic:
    """The one subject that a stream is about. Whatever else the stream shows belongs to it (`Subject.belongs_to`).

    Attributes:
        belongs_to: the column by which whatever belongs to it names it.
        version: of the subject when the caller was let in. That it was out of view before that ends nothing.
        is_over: whether nothing more is to come of it while its row has this image; then the stream ends, well.
        gone: what the stream ends with once the subject is deleted, or is no longer for the caller to see.
    """

    subject_type: str
    subject_id: str
    belongs_to: str
    version: int
    is_over: Callable[[Image], bool]
    gone: Exception

    @property
    def named_by(self) -> tuple[str, str]:
        """The column by which whatever belongs to it names it, and how."""
        return self.belongs_to, self.subject_id

    def is_of(self, change: ChangeRecord | None) -> bool:
        return change is not None and change.subject_type == self.subject_type

    def came_back_after(self, left: ChangeRecord | None) -> bool:
        """Whether it was in view again after this change, by which it left."""
        return left is not None and left.operation != "deleted" and left.version <= self.version


@dataclass(frozen=True, slots=True)
class Subscription:
    """One stream's share of the log.

    Attributes:
        operation: the rpc; cursors are bound to it and to `bound_to`.
        bound_to: the filter, as JSON values.
        matches: the filter.
        narrow: the same filter for a query, as far as it can say it: what it leaves out must not match.
        subject_ids: where the filter names subjects, all of them; such a stream costs nothing when others change.
        named: what server-sent events call an event.
        topic: what the stream is about, if it is about one subject. It is the first of `subject_types`, and the one of
            `subject_ids`.
        granted: of the other types, the groups that the caller is of because they see the topic.
    """

    operation: str
    render: Render
    subject_types: tuple[str, ...]
    bound_to: Any = None
    matches: Callable[[Image], bool] = everything
    narrow: Callable[[QuerySet[Any]], QuerySet[Any]] = lambda rows: rows
    subject_ids: frozenset[str] = frozenset()
    named: Callable[[Kind, ChangeRecord | None], str] = event_type
    topic: Topic | None = None
    granted: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def ids_of(self, subject_type: str) -> frozenset[str]:
        """The subjects of this type that are named; none = all that the caller sees."""
        return frozenset() if subject_type in self.granted else self.subject_ids

    def groups(self, subject_type: str, actor: Any) -> frozenset[str]:
        """Those of this actor."""
        return self.granted.get(subject_type) or subjects.of(subject_type).groups(actor)


@dataclass(frozen=True, slots=True)
class SubscriptionScope:
    """A view and who looks.

    Attributes:
        groups: of the caller, by type of subject.
    """

    view: Subscription
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def shown(self, change: ChangeRecord) -> tuple[Kind, Visibility] | None:
        """What is told of the change; None = nothing, as nothing that is in the view is another than before."""
        view = self.view
        if change.subject_type not in self.groups:
            return None
        if view.subject_ids and change.subject_id not in view.subject_ids and change.subject_type not in view.granted:
            return None
        if change.forgotten:
            if change.subject_type in view.granted:
                return None  # Nobody knows any more what it belonged to.
            # Nobody knows any more who saw it. That an id is gone for good tells nothing to who did not know it; what
            # was before the deletion is not told any more.
            return (Kind.DELETED, Visibility.PART) if change.operation == "deleted" else None
        after = self._extent(change, before=False)
        if after is Visibility.WHOLE:
            return Kind(change.operation), after  # Whatever it was before; and that image is not even read.
        before = self._extent(change, before=True)
        if after is Visibility.NOTHING:
            if before is Visibility.NOTHING:
                return None
            return (Kind.DELETED if change.operation == "deleted" else Kind.LEFT), before
        if before is after is Visibility.PART and not subjects.of(change.subject_type).changed_fields(change, after):
            return None
        return Kind(change.operation), after

    def payload(self, kind: Kind, change: ChangeRecord | None, extent: Visibility) -> Payload:
        """The event's message, which streams of the same operation and extent share."""
        render = self.view.render
        made = _of_no_change if change is None else change.made
        found: Payload | None = made.get((render, kind, extent))
        if found is None:
            # Two threads may both make it; one of the two is kept, and they are equal.
            found = made.setdefault((render, kind, extent), Payload(render(kind, change, extent)))
        return found

    def _extent(self, change: ChangeRecord, *, before: bool) -> Visibility:
        name, matches = change.subject_type, self.view.matches
        seen = subjects.extent(subjects.of(name).seen_by(change, before=before), self.groups[name])
        if seen and matches is not everything:
            image = change.old if before else change.new
            if image is not None and not matches(image):
                return Visibility.NOTHING
        return seen


_of_no_change: dict[Any, Payload] = {}


def viewer(view: Subscription, actor: Any) -> SubscriptionScope:
    """The view as this actor has it."""
    return SubscriptionScope(view, {name: view.groups(name, actor) for name in view.subject_types})
