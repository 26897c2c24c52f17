"""Crossings: what enters a view, or leaves it, when its actor joins or leaves a group.

A change of a membership changes no row of the group, so no other change moves these rows into the view or out of it.
They are read page by page, in the state that they had at that change, as if the log were read at that very moment:

- Rows that have not changed since are read from the table. The statement marks those that have changed.
- Of the others, the first change since then has their former state.
- If the stream has sent an initial state that contains the later changes of a row, it enters the view with them, and
  does not leave a view in which the initial state does not hold it.

So a stream shows the same, whether it is live or resumes from an old cursor. How far a crossing has been shown is part
of the cursors within it.
"""

import uuid
from collections.abc import Collection, Iterator
from typing import NamedTuple

from changes.feed import log, memberships, subjects
from changes.feed.cursors import check_kept
from changes.feed.log import ChangeRecord, Image
from changes.feed.memberships import Groups, Turn
from changes.feed.snapshot import Pages, Snapshot, as_created, read_page, with_ids_of
from changes.feed.subjects import Visibility
from changes.feed.view import EventKind, SubscriptionScope

#: How many rows or changes are read at once.
PAGE_SIZE = 500

#: What is read of each step: first the rows, then the log.
_ROWS, _LOG = 0, 1
_FIRST, _LAST = bytes(16), b"\xff" * 16


class Step(NamedTuple):
    """The rows of one type with one owner, whose group is left or joined.

    Attributes:
        before: the actor's groups by memberships.
        after: the same after the step.
    """

    subject_type: str
    column: str
    owner: str
    before: Groups
    after: Groups


class Crossed(NamedTuple):
    """One row that enters the view or leaves it.

    Attributes:
        inside: see `cursors.Position`.
    """

    kind: EventKind
    extent: Visibility
    change: ChangeRecord
    inside: bytes


class Crossing:
    """The subjects that one change of a membership moves. Call `page` until it is `complete`.

    Args:
        scope: the view before the change.
        inside: where to continue; see `cursors.Position`.
        state: the initial state that the stream has sent. It contains later changes already.
    """

    def __init__(
        self,
        scope: SubscriptionScope,
        change: ChangeRecord,
        turn: Turn,
        *,
        inside: bytes = b"",
        state: Snapshot | None = None,
    ) -> None:
        self._scope = scope
        self._change = change
        self._state = state
        #: The actor's groups by memberships, after it.
        self.members = memberships.after(scope.members, turn)
        #: True if any row has entered the view or left it.
        self.has_shown = bool(inside)
        self._steps = _steps(scope, turn)
        self._pages = Pages()
        self._number, self._stage, self._last = _parsed(inside)
        #: Key of the last row that was read before the stream was resumed.
        self._resumed_after = self._last if self._stage == _ROWS else _LAST

    @property
    def complete(self) -> bool:
        """True if all pages were read."""
        return self._number >= len(self._steps)

    @property
    def inside(self) -> bytes:
        """The part that was read; see `cursors.Position`."""
        return bytes((self._number, self._stage)) + self._last

    def leave_out_entering(self, now: Groups) -> None:
        """Skip what enters the view, if the actor no longer belongs to the group."""
        self._steps = [step for step in self._steps if step.after - step.before <= now]

    def page(self, limit: int = 0) -> list[Crossed]:
        """Read the next rows, and return those that enter the view or leave it.

        Args:
            limit: how many rows are read; 0 = `PAGE_SIZE`.

        Raises:
            CursorExpired: changes since then are no longer kept.
        """
        if self.complete:
            return []
        step, limit = self._steps[self._number], limit or PAGE_SIZE
        return self._page_of_rows(step, limit) if self._stage == _ROWS else self._page_of_log(step, limit)

    def _page_of_rows(self, step: Step, limit: int) -> list[Crossed]:
        view, subject = self._scope.view, subjects.of(step.subject_type)
        rows = view.narrow(subject.model._default_manager.filter(**{step.column: step.owner}))
        rows = with_ids_of(view, step.subject_type, rows)
        after = (str(uuid.UUID(bytes=self._last)),) if self._last != _FIRST else None
        snapshot, found = read_page(subject, rows, after, limit, changed_since=self._change.seq)
        self._pages.add(after, snapshot)
        left_out = {image["id"] for image, has_changed in found if has_changed}
        if self._state is not None:
            later = self._not_in_state(step, self._later(step, left_out))
            of_log = {subject_id for subject_id, _, xid in later if snapshot.saw(xid)}
            left_out = of_log | {each for each in left_out - of_log if self._has_left_before(step, each)}
        crossed: list[Crossed] = []
        for image, _ in found:
            self._last = _key(image["id"])
            if image["id"] not in left_out:
                crossed += self._crossed(step, image)
        if len(found) < limit:
            self._stage, self._last = _LOG, _FIRST
        return crossed

    def _page_of_log(self, step: Step, limit: int) -> list[Crossed]:
        number, name = self._change.seq, step.subject_type
        if self._last == _FIRST:
            self._last = ((log.first_id(number) or 0) - 1).to_bytes(16, signed=True)
        above = int.from_bytes(self._last, signed=True)
        found = [] if above < 0 else log.changes_of_owned(number, name, (step.column, step.owner), above, limit)
        later = self._later(step, {change.subject_id for _, change in found})
        first = _first_versions(self._not_in_state(step, later))
        # Of these subjects the initial state contains some later changes, but not all.
        partly_in_state = {each for each, version in _first_versions(later).items() if version != first.get(each)}
        check_kept(number, log.read_head())
        crossed: list[Crossed] = []
        for change_id, change in found:
            self._last = change_id.to_bytes(16)
            if change.version != first.get(change.subject_id) or not self._was_left_out(change):
                continue
            if change.subject_id not in partly_in_state or not self._has_left_before(step, change.subject_id):
                crossed += self._crossed(step, change.old or {})
        if len(found) < limit:
            self._number, self._stage, self._last = self._number + 1, _ROWS, _FIRST
            self._pages, self._resumed_after = Pages(), _FIRST
        return crossed

    def _later(self, step: Step, subject_ids: Collection[str]) -> list[tuple[str, int, int]]:
        """Return id, version and transaction of the later changes of these subjects."""
        return log.versions_since(self._change.seq, step.subject_type, subject_ids) if subject_ids else []

    def _not_in_state(self, step: Step, later: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
        """Return those of these changes that were not sent initially."""
        if self._state is None:
            return later
        return [row for row in later if not self._state.saw(step.subject_type, row[2], {"id": row[0]})]

    def _has_left_before(self, step: Step, subject_id: str) -> bool:
        """Return whether the initial state was read after the row left the view, so that it does not hold it.

        It holds no row either that entered the view before it was read and after the position of the stream.
        """
        is_left = not step.after - step.before
        return is_left and self._state is not None and self._state.saw(
            step.subject_type, self._change.xid, {"id": subject_id}
        )  # fmt: skip

    def _was_left_out(self, change: ChangeRecord) -> bool:
        """Return whether the page at the place of this row was read after the change, so that it left the row out."""
        if _key(change.subject_id) <= self._resumed_after:
            return True  # It was read by an earlier stream. Its client may get the row once more.
        return self._pages.snapshot_at((change.subject_id,)).saw(change.xid)

    def _crossed(self, step: Step, image: Image) -> Iterator[Crossed]:
        view, scope = self._scope.view, self._scope
        row = as_created(step.subject_type, image)
        if (wanted := view.ids_of(step.subject_type)) and row.subject_id not in wanted:
            return
        row.operation, row.actor, row.occurred_at = "updated", self._change.actor, self._change.occurred_at
        row.traceparent = self._change.traceparent
        before, after = (scope.extent(row, members, before=False) for members in (step.before, step.after))
        if before is not after:
            self.has_shown = True
            kind = EventKind.LEFT if after is Visibility.NOTHING else EventKind.UPDATED
            yield Crossed(kind, after or before, row, self.inside)


def _first_versions(changes: list[tuple[str, int, int]]) -> dict[str, int]:
    """Return the lowest version of each subject."""
    first: dict[str, int] = {}
    for subject_id, version, _ in changes:
        first[subject_id] = min(version, first.get(subject_id, version))
    return first


def _parsed(inside: bytes) -> tuple[int, int, bytes]:
    return (inside[0], inside[1], inside[2:]) if inside else (0, _ROWS, _FIRST)


def _key(subject_id: str) -> bytes:
    return uuid.UUID(subject_id).bytes


def _steps(scope: SubscriptionScope, turn: Turn) -> list[Step]:
    membership, view = turn.membership, scope.view
    types = memberships.shared_types(view, membership.type)
    without = memberships.after(scope.members, turn._replace(joined=None))
    steps: list[Step] = []
    for owner, before, after in (
        (turn.left, scope.members, without),
        (turn.joined, without, memberships.after(scope.members, turn)),
    ):
        if owner is not None and before != after:
            steps += [Step(name, subjects.of(name).shared_by[membership.type], owner, before, after) for name in types]
    return steps
