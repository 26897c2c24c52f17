"""The initial state of a stream, read page by page, and joined to the log without a gap and without a double.

A transaction held open over all pages would keep the database from cleaning up for as long as the slowest client reads.
So each page is of a moment of its own, which PostgreSQL names: its snapshot says of each transaction whether the page
holds what that one did. Of the changes that follow the stream's position, those that the page of their subject holds
are then passed over.
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
from core.db import ids

PAGE = 500

#: A row's place in the order of its type: the values of `Subject.order`, and the id.
Place = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TransactionSnapshot:
    """Which transactions a statement saw: `pg_current_snapshot()`."""

    xmin: int
    xmax: int
    running: frozenset[int]

    @classmethod
    def parsed(cls, text: str) -> "TransactionSnapshot":
        xmin, xmax, running = text.split(":")
        return cls(int(xmin), int(xmax), frozenset(int(xid) for xid in running.split(",") if xid))

    def saw(self, xid: int) -> bool:
        """Whether the transaction, which is committed now, was committed then."""
        return xid < self.xmin or (xid < self.xmax and xid not in self.running)


@dataclass(slots=True)
class Pages:
    """The pages of one type: the moment of each, and the last place of each but the last one, which has no end."""

    moments: list[TransactionSnapshot] = field(default_factory=list)
    _ends: list[Place] = field(default_factory=list)

    def add(self, after: Place | None, moment: TransactionSnapshot) -> None:
        """Adds a page that begins after this place (None = with the first row).

        Pages of one moment are one; there are as many as the table was written to meanwhile.
        """
        if not self.moments or self.moments[-1] != moment:
            if after is not None:
                self._ends.append(after)
            self.moments.append(moment)

    def moment_of(self, place: Place) -> TransactionSnapshot:
        return self.moments[bisect_left(self._ends, place)]


class Snapshot:
    """The subjects of a view that its actor sees now. Read `page` until it is `complete`."""

    def __init__(self, view: Subscription, actor: Any) -> None:
        self._view = view
        self._actor = actor
        self._left = list(view.subject_types)
        self._last: Place | None = None
        self._pages = {name: Pages() for name in view.subject_types}

    @property
    def complete(self) -> bool:
        """Whether all pages were read."""
        return not self._left

    @property
    def begun(self) -> bool:
        """Whether any page was read."""
        return any(pages.moments for pages in self._pages.values())

    def page(self) -> list[ChangeRecord]:
        """The next subjects, each as if it was just created."""
        subject_type = self._left[0]
        moment, images = self._read(subject_type)
        self._pages[subject_type].add(self._last, moment)
        if len(images) == PAGE:
            self._last = _place(subject_type, images[-1])
        else:
            del self._left[0]
            self._last = None
            if not self._left:
                self._actor = None  # A stream lives long.
        return [as_created(subject_type, image) for image in images]

    def holds(self, change: ChangeRecord) -> bool:
        """Whether what this change made of its subject, or a later state, was read. Only once it is `complete`."""
        pages = self._pages[change.subject_type]
        if len(pages.moments) == 1:
            return pages.moments[0].saw(change.xid)
        # By what never changes; of what was forgotten no more than the id is left, and that only orders by the id.
        image = change.new or change.old or {"id": change.subject_id}
        return pages.moment_of(_place(change.subject_type, image)).saw(change.xid)

    def _read(self, subject_type: str) -> tuple[TransactionSnapshot, list[Image]]:
        subject = subjects.of(subject_type)
        rows = self._view.narrow(subject.model._default_manager.visible_to(self._actor))
        if named := self._view.ids_of(subject_type):
            # What is no id is nobody's.
            rows = rows.filter(pk__in=[wanted for wanted in named if ids.parsed(wanted)])
        if self._last is not None:
            rows = rows.filter(_after((*subject.order, "pk"), self._last))
        page, values = subject.images(rows).values_list("image")[:PAGE].query.sql_with_params()
        with connection.cursor() as cursor:
            # One statement, so that the rows are of the moment; and one row at least, so that there is a moment.
            cursor.execute(
                "SELECT pg_current_snapshot()::text, page.image::text"  # noqa: S608 - the queryset's own SQL
                f" FROM (SELECT) AS one LEFT JOIN ({page}) AS page ON true",
                values,
            )
            found = cursor.fetchall()
        images = [json.loads(image) for _, image in found if image is not None]
        # What a join gives is in no order.
        return TransactionSnapshot.parsed(found[0][0]), sorted(images, key=lambda image: _place(subject_type, image))


def _place(subject_type: str, image: Image) -> Place:
    return (*(image[column] for column in subjects.of(subject_type).order), str(image["id"]))


def _after(columns: tuple[str, ...], place: Place) -> Q:
    """What is behind this place: `(a, b) > (1, 2)`."""
    first, value = columns[0], place[0]
    behind = Q(**{f"{first}__gt": value})
    if len(columns) == 1:
        return behind
    return Q(**{f"{first}__gte": value}) & (behind | _after(columns[1:], place[1:]))


def as_created(subject_type: str, image: Image) -> ChangeRecord:
    """A row with this image, as if it was just created."""
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
