"""Items: the events of a stream before they are rendered."""

from typing import NamedTuple
from uuid import UUID

from changes.feed import cursors
from changes.feed.log import ChangeRecord
from changes.feed.memberships import Groups
from changes.feed.subjects import Visibility
from changes.feed.view import EventKind, SubscriptionScope, Topic


class Item(NamedTuple):
    """An event before it is rendered.

    Attributes:
        seq: number of the change after which its cursor resumes; None = it has no cursor.
        inside: of a crossing; see `cursors.Position`.
    """

    kind: EventKind
    seq: int | None
    change: ChangeRecord | None = None
    extent: Visibility = Visibility.WHOLE
    inside: bytes = b""

    def cursor(self, stamp: cursors.Stamp, epoch: UUID) -> str:
        """Return the cursor after it. Streams with the same stamp share that of a change."""
        is_shared = self.change is not None and self.kind is not EventKind.END and not self.inside
        derived = self.change.derived if self.change is not None and is_shared else {}
        cursor: str | None = derived.get(stamp)
        if cursor is None:
            cursor = derived[stamp] = cursors.write(stamp, epoch, self.seq or 0, self.inside)
        return cursor

    def allowed(self, scope: SubscriptionScope, now: Groups) -> "Item | None":
        """Return what of it the caller may still see, who may have left groups since it was queued."""
        if self.change is None or now is scope.members:
            return self
        allowed = scope.allowed(self.kind, self.extent, self.change, now)
        return allowed and self._replace(kind=allowed[0], extent=allowed[1])

    def is_undone(self, topic: Topic, scope: SubscriptionScope, now: Groups) -> bool:
        """Return whether the topic, which left the view with this item, is in the view again."""
        if not self.inside or self.change is None:
            return topic.has_returned_after(self.change)
        # The row itself may be unchanged, so its version is no sign of a return.
        is_seen = scope.extent(self.change, now, before=False) is not Visibility.NOTHING
        return is_seen or self.change.version < topic.version
