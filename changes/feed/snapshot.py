"""The initial state of a stream, read page by page, and joined to the log without gaps or duplicates.

A transaction held open over all pages would keep the database from vacuuming while the slowest client reads. So each
page is read in a separate transaction, together with its PostgreSQL snapshot, which shows for each transaction whether
the page contains its writes. Of the changes after the stream's position, those that the page of their subject already
contains are skipped.
"""

import json
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from changes.feed import subjects
from changes.feed.log import ChangeRecord, Image
from changes.feed.view import Subscription
from core.actors import Actor
from core.auth import ANONYMOUS
from core.db import ids

PAGE_SIZE = 500

#: A row's sort key within its type: the values of `Subject.order`, and the id.
SortKey = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TransactionSnapshot:
    """The transactions that a statement saw, as `pg_current_snapshot()` returns them."""

    xmin: int
    xmax: int
    running: frozenset[int]

    @classmethod
    def parsed(cls, text: str) -> "TransactionSnapshot":
        xmin, xmax, running = text.split(":")
        return cls(int(xmin), int(xmax), frozenset(int(xid) for xid in running.split(",") if xid))

    def saw(self, xid: int) -> bool:
        """Return whether this committed transaction was already committed for the statement."""
        return xid < self.xmin or (xid < self.xmax and xid not in self.running)


@dataclass(slots=True)
class Pages:
    """The pages of one type: the transaction snapshot of each, and the last sort key of each but the last page."""

    snapshots: list[TransactionSnapshot] = field(default_factory=list)
    _ends: list[SortKey] = field(default_factory=list)

    def add(self, after: SortKey | None, snapshot: TransactionSnapshot) -> None:
        """Add a page that begins after this sort key (None = with the first row).

        Pages with equal snapshots are merged, so their number is limited by the writes during the reading.
        """
        if not self.snapshots or self.snapshots[-1] != snapshot:
            if after is not None:
                self._ends.append(after)
            self.snapshots.append(snapshot)

    def snapshot_at(self, key: SortKey) -> TransactionSnapshot:
        return self.snapshots[bisect_left(self._ends, key)]


class Snapshot:
    """The subjects of a view that its actor sees now. Call `page` until it is `complete`."""

    def __init__(self, view: Subscription, actor: Actor) -> None:
        self._view = view
        self._actor = actor
        self._left = list(view.subject_types)
        self._last: SortKey | None = None
        self._pages = {name: Pages() for name in view.subject_types}

    @property
    def complete(self) -> bool:
        """True if all pages were read."""
        return not self._left

    @property
    def begun(self) -> bool:
        """True if any page was read."""
        return any(pages.snapshots for pages in self._pages.values())

    def page(self) -> list[ChangeRecord]:
        """Read the next subjects, and return each as a change that creates it."""
        subject_type = self._left[0]
        snapshot, images = self._read(subject_type)
        self._pages[subject_type].add(self._last, snapshot)
        if len(images) == PAGE_SIZE:
            self._last = _sort_key(subject_type, images[-1])
        else:
            del self._left[0]
            self._last = None
            if not self._left:
                # A stream may stay open for long, and should not keep the actor in memory.
                self._actor = ANONYMOUS.actor
        return [as_created(subject_type, image) for image in images]

    def holds(self, change: ChangeRecord) -> bool:
        """Return whether a page contains the effect of this change. It must be `complete`."""
        pages = self._pages[change.subject_type]
        if len(pages.snapshots) == 1:
            return pages.snapshots[0].saw(change.xid)
        # The columns of a sort key never change. Forgotten changes have only the id; their types are ordered by the id.
        image = change.new or change.old or {"id": change.subject_id}
        return pages.snapshot_at(_sort_key(change.subject_type, image)).saw(change.xid)

    def _read(self, subject_type: str) -> tuple[TransactionSnapshot, list[Image]]:
        subject = subjects.of(subject_type)
        rows = self._view.narrow(subject.model._default_manager.visible_to(self._actor))
        if subject_ids := self._view.ids_of(subject_type):
            # Invalid ids match no row.
            rows = rows.filter(pk__in=[subject_id for subject_id in subject_ids if ids.parsed(subject_id)])
        if self._last is not None:
            rows = rows.filter(_after((*subject.order, "pk"), self._last))
        # `sql_with_params` is not documented; Django has no public way to put a queryset into a statement.
        page, values = subject.images(rows).values_list("image")[:PAGE_SIZE].query.sql_with_params()
        with connection.cursor() as cursor:
            # One statement, so that the rows match the snapshot; the join gives at least one row, with the snapshot.
            cursor.execute(
                "SELECT pg_current_snapshot()::text, page.image::text"  # noqa: S608 - the queryset's own SQL
                f" FROM (SELECT) AS one LEFT JOIN ({page}) AS page ON true",
                values,
            )
            records = cursor.fetchall()
        images = [json.loads(image) for _, image in records if image is not None]
        # The join does not preserve the order of the page.
        images.sort(key=lambda image: _sort_key(subject_type, image))
        return TransactionSnapshot.parsed(records[0][0]), images


def _sort_key(subject_type: str, image: Image) -> SortKey:
    return (*(image[column] for column in subjects.of(subject_type).order), str(image["id"]))


def _after(columns: tuple[str, ...], key: SortKey) -> Q:
    """Return the condition of rows after this sort key: `(a, b) > (1, 2)`."""
    first, value = columns[0], key[0]
    is_greater = Q(**{f"{first}__gt": value})
    if len(columns) == 1:
        return is_greater
    return Q(**{f"{first}__gte": value}) & (is_greater | _after(columns[1:], key[1:]))


def as_created(subject_type: str, image: Image) -> ChangeRecord:
    """Return a change that creates the row with this image."""
    return ChangeRecord(
        seq=0,
        xid=0,
        subject_type=subject_type,
        subject_id=str(image["id"]),
        version=image["version"],
        operation="created",
        before=None,
        after=image,
        actor="system",
        reason="",
        occurred_at=datetime.fromisoformat(image["updated_at"]),
        size=0,
    )
