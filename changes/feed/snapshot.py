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
from django.db.models import Q, QuerySet

from changes.feed import subjects
from changes.feed.log import ChangeRecord, Image
from changes.feed.subjects import Subject
from changes.feed.view import Subscription, Topic
from core.actors import Actor
from core.auth import ANONYMOUS
from core.db import ids
from core.db.grouped import is_any_of
from core.db.pagination import COUNT_LIMIT

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
            if self.snapshots and after is not None:
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
        self._are_few: bool | None = None

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
            self._last = self._are_few = None
            if not self._left:
                # A stream may stay open for long, and should not keep the actor in memory.
                self._actor = ANONYMOUS.actor
        return [as_created(subject_type, image) for image in images]

    def holds(self, change: ChangeRecord) -> bool:
        """Return whether a page contains the effect of this change. It must be `complete`."""
        # The columns of a sort key never change. Forgotten changes have only the id; their types are ordered by the id.
        image = change.new or change.old or {"id": change.subject_id}
        return self.saw(change.subject_type, change.xid, image)

    def saw(self, subject_type: str, xid: int, image: Image) -> bool:
        """Return whether the page of a row saw this committed transaction.

        Args:
            image: any image of the row; of types without `Subject.order` the id is enough.
        """
        pages = self._pages[subject_type]
        if len(pages.snapshots) == 1:
            return pages.snapshots[0].saw(xid)
        return pages.snapshot_at(_sort_key(subject_type, image)).saw(xid)

    def _read(self, subject_type: str) -> tuple[TransactionSnapshot, list[Image]]:
        subject = subjects.of(subject_type)
        rows = self._view.narrow(subject.model._default_manager.visible_to(self._actor))
        rows = with_ids_of(self._view, subject_type, rows)
        snapshot, found = read_page(
            subject, self._found_first(rows) if subject.shared_by else rows, self._last, PAGE_SIZE
        )
        return snapshot, [image for image, _ in found]

    def _found_first(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows such that the database finds them before it sorts them, if they are few.

        It cannot know how many rows the memberships of one actor show, and reads the whole table in order to find few
        (measured with 2 million rows: 1,700 ms, not 10).
        """
        if self._are_few is None:
            self._are_few = rows[: COUNT_LIMIT + 1].count() <= COUNT_LIMIT
        return rows.model._default_manager.filter(is_any_of("pk", rows.values("pk"))) if self._are_few else rows


def with_ids_of(view: Subscription, subject_type: str, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows that the view names, if it names any."""
    if subject_ids := view.ids_of(subject_type):
        # Invalid ids match no row.
        rows = rows.filter(pk__in=[subject_id for subject_id in subject_ids if ids.parsed(subject_id)])
    return rows


_HAS_CHANGED = """
    EXISTS (SELECT FROM changes_change AS change WHERE change.subject_type = %s AND change.subject_id = page.id
            AND (change.seq > %s OR change.seq IS NULL))
"""


def read_page(
    subject: Subject, rows: QuerySet[Any], after: SortKey | None, limit: int, *, changed_since: int | None = None
) -> tuple[TransactionSnapshot, list[tuple[Image, bool]]]:
    """Return the next of these rows, at most `limit`, and the snapshot in which they were read.

    Args:
        after: sort key of the row before them; None = from the first one.
        changed_since: each row is returned with whether it was changed after the change with this number.
    """
    if after is not None:
        rows = rows.filter(_after((*subject.order, "pk"), after))
    # `sql_with_params` is not documented; Django has no public way to put a queryset into a statement.
    page, values = subject.images(rows).values_list("image", "id")[:limit].query.sql_with_params()
    has_changed, marks = "false", list[Any]()
    if changed_since is not None:
        has_changed, marks = _HAS_CHANGED, [subject.type, changed_since]
    with connection.cursor() as cursor:
        # One statement, so that the rows match the snapshot; the join gives at least one row, with the snapshot.
        cursor.execute(
            f"SELECT pg_current_snapshot()::text, page.image::text, {has_changed}"  # noqa: S608 - the queryset's own SQL
            f" FROM (SELECT) AS one LEFT JOIN ({page}) AS page (image, id) ON true",
            [*marks, *values],
        )
        records = cursor.fetchall()
    found = [(json.loads(image), changed) for _, image, changed in records if image is not None]
    # The join does not preserve the order of the page.
    found.sort(key=lambda row: _sort_key(subject.type, row[0]))
    return TransactionSnapshot.parsed(records[0][0]), found


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
        traceparent=None,
        occurred_at=datetime.fromisoformat(image["updated_at"]),
        size=0,
    )


def final_change(topic: Topic) -> ChangeRecord | None:
    """Return the last state of a topic that is over, as a change; else None.

    It ends a stream whose cursor is after the last change.
    """
    subject = subjects.of(topic.subject_type)
    rows = subject.model._default_manager.filter(pk=topic.subject_id)
    image = subject.images(rows).values_list("image", flat=True).first()
    return as_created(topic.subject_type, image) if image is not None and topic.is_over(image) else None
