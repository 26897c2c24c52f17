"""Memberships: rows that make users members of groups, such as those of a project. Apps register them.

register(Membership(ProjectMember, owner="project_id", group=policies.group_of))

A group is in the audience of many rows, and its users change while these rows do not. So a stream knows the groups of
its actor at its position in the log, and follows the changes of the actor's memberships (see `crossing`).
"""

import math
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from changes.feed import subjects
from changes.feed.log import ChangeRecord, Image
from changes.feed.snapshot import TransactionSnapshot
from changes.feed.view import Subscription
from changes.triggers import subject_type_of
from core.actors import Actor
from core.db import ids

#: How the types of memberships end; the log has an index of these changes.
SUFFIX = ".member"

Groups = frozenset[str]
NONE: Groups = frozenset()


@dataclass(frozen=True, eq=False)
class Membership:
    """A logged model whose rows make users members.

    Attributes:
        owner: column with the id of what its users are members of.
        group: function that returns the name of the group of an owner.
        user: column with the id of the user.
    """

    model: Any
    owner: str
    group: Callable[[str], str]
    user: str = "user_id"

    @cached_property
    def type(self) -> str:
        """Name of the model's rows in the log."""
        return subject_type_of(self.model) or ""

    def users_of(self, change: ChangeRecord) -> list[str]:
        """Return the users whose membership this change concerns."""
        return [str(image[self.user]) for image in (change.old, change.new) if image is not None]


class Turn(NamedTuple):
    """A change of one user's membership: the owner whose group the user leaves, and the one whose group they join."""

    membership: Membership
    left: str | None
    joined: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """The groups to which a user belongs by memberships.

    Attributes:
        types: types of the memberships that decide about what the user sees; empty = none does.
        then: the groups at the position of the stream.
        now: the groups at present, as far as they are known: never those of an earlier time than that of the stream's
            position, because a membership that ended before may have begun again.
        last_turn: number of the last change that was applied to `now` after it was read; 0 = none.
        snapshots: by type of membership, the transactions that `now` contained when it was read.
    """

    user: str = ""
    types: tuple[str, ...] = ()
    then: Groups = NONE
    now: Groups = NONE
    last_turn: int = 0
    snapshots: Mapping[str, TransactionSnapshot] = field(default_factory=dict)

    def following(self, change: ChangeRecord, turn: Turn) -> "Standing":
        """Return it with what this change does to the groups at present, unless they contain it already.

        Its callers, each of which has read the log up to this change, may have read it to different numbers.
        """
        if change.seq <= self.last_turn or self.snapshots[change.subject_type].saw(change.xid):
            return self
        return replace(self, now=after(self.now, turn), last_turn=change.seq)


_NO_STANDING = Standing()

#: Type → membership.
registered: dict[str, Membership] = {}


def register(membership: Membership) -> None:
    """Let the rows of this model decide about the groups of users.

    Raises:
        ImproperlyConfigured: the model is not logged as a membership.
    """
    if not membership.type.endswith(SUFFIX):
        raise ImproperlyConfigured(f"{membership.model.__name__} must be logged by a type that ends with '{SUFFIX}'.")
    registered[membership.type] = membership


def shared_types(view: Subscription, membership_type: str = "") -> list[str]:
    """Return the types of subjects in the view that members see: of this kind of membership; empty = of any."""
    return [
        name
        for name in view.subject_types
        if name not in view.granted and (shared_by := subjects.of(name).shared_by)
        and (not membership_type or membership_type in shared_by)
    ]  # fmt: skip


def turn(change: ChangeRecord, standing: Standing) -> Turn | None:
    """Return what the change does to the user's groups; None if nothing."""
    if change.subject_type not in standing.types:
        return None
    membership = registered[change.subject_type]
    left, joined = (_owner_of(image, membership, standing.user) for image in (change.old, change.new))
    return None if left == joined else Turn(membership, left, joined)


def after(groups: Groups, change: Turn) -> Groups:
    """Return the groups after the change."""
    group = change.membership.group
    gone = {group(change.left)} if change.left else NONE
    return shared((groups - gone) | ({group(change.joined)} if change.joined else NONE))


def standing_of(view: Subscription, actor: Actor, seq: int) -> Standing:
    """Return the actor's groups after the change with this number, and now.

    The groups then are those of now without the changes since, so that they need not be kept with a cursor. An actor
    who sees all subjects of the view by other groups has none.
    """
    types = _types_for(view, actor)
    if not types:
        return _NO_STANDING
    now: set[str] = set()
    then: set[str] = set()
    snapshots: dict[str, TransactionSnapshot] = {}
    user = str(actor.pk)
    for name in types:
        snapshots[name], held, undone = _read(registered[name], user, seq)
        now |= held
        then |= undone
    return Standing(user, types, shared(then), shared(now), snapshots=snapshots)


def present_groups(subject: subjects.Subject, actor: Actor) -> Groups:
    """Return the groups by whose memberships the actor sees rows of this subject now."""
    user = str(actor.pk)
    if ids.parsed(user) is None or subject.overseers & subject.groups(actor):
        return NONE
    return frozenset(group for name in subject.shared_by for group in _read(registered[name], user, sys.maxsize)[1])


_all_shared: "WeakValueDictionary[Groups, Groups]" = WeakValueDictionary()


def shared(groups: Collection[str]) -> Groups:
    """Return these groups as one object in memory for all streams that have them."""
    if not groups:
        return NONE
    found = frozenset(map(sys.intern, groups))  # Users of the same project share its name, too.
    return _all_shared.setdefault(found, found)


def _types_for(view: Subscription, actor: Actor) -> tuple[str, ...]:
    if ids.parsed(str(actor.pk)) is None:  # An anonymous caller, or a part of the system.
        return ()
    found: dict[str, None] = {}
    for name in shared_types(view):
        subject = subjects.of(name)
        if not subject.overseers & view.groups(name, actor):
            found |= dict.fromkeys(subject.shared_by)
    return tuple(found)


# The present rows, and the changes that they contain beyond a number, in one statement and so of one snapshot. The join
# gives at least one row. The condition on the type's ending is that of the index `changes_of_members`.
_READ = """
    SELECT pg_current_snapshot()::text, found.* FROM (SELECT) AS one LEFT JOIN (
        SELECT NULL, NULL, NULL, "{owner}"::text FROM "{table}" WHERE "{user}" = %(user)s
        UNION ALL
        SELECT seq, id, CASE WHEN old->>%(user_column)s = %(user)s THEN old->>%(owner)s END,
               CASE WHEN new->>%(user_column)s = %(user)s THEN new->>%(owner)s END
        FROM changes_change
        WHERE subject_type = %(type)s AND subject_type LIKE '%%.member' AND (seq > %(after)s OR seq IS NULL)
            AND %(user)s IN (old->>%(user_column)s, new->>%(user_column)s)
    ) AS found ON true
"""


def _read(membership: Membership, user: str, seq: int) -> tuple[TransactionSnapshot, set[str], set[str]]:
    """Return the snapshot that was read, the user's groups in it, and those after the change with this number."""
    statement = _READ.format(table=membership.model._meta.db_table, owner=membership.owner, user=membership.user)
    values: dict[str, Any] = {"user": user, "user_column": membership.user, "owner": membership.owner}
    with connection.cursor() as cursor:
        cursor.execute(statement, {**values, "type": membership.type, "after": seq})
        rows = cursor.fetchall()
    changes = [row[1:] for row in rows if row[2] is not None]
    now = {owner for _, _, change_id, _, owner in rows if change_id is None and owner is not None}
    then = set(now)
    # The newest first: those that have no number yet come after all others.
    for _, _, before, later in sorted(changes, key=lambda row: (row[0] or math.inf, row[1]), reverse=True):
        then.discard(later)
        then |= {before} if before else set()
    present, former = ({membership.group(owner) for owner in owners} for owners in (now, then))
    return TransactionSnapshot.parsed(rows[0][0]), present, former


def _owner_of(image: Image | None, membership: Membership, user: str) -> str | None:
    if image is None or image[membership.user] != user:
        return None
    return str(image[membership.owner])
