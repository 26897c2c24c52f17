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

from changes.feed import subjects
from changes.feed.log import Image, Logged
from changes.feed.view import View
from core import ids

PAGE = 500
#: Sorts after every id.
_BEYOND = "~"


@dataclass(frozen=True, slots=True)
class Moment:
    """Which transactions a statement saw: `pg_current_snapshot()`."""

    xmin: int
    xmax: int
    running: frozenset[int]

    @classmethod
    def parsed(cls, text: str) -> "Moment":
        xmin, xmax, running = text.split(":")
        return cls(int(xmin), int(xmax), frozenset(int(xid) for xid in running.split(",") if xid))

    def saw(self, xid: int) -> bool:
        """Whether the transaction, which is committed now, was committed then."""
        return xid < self.xmin or (xid < self.xmax and xid not in self.running)


@dataclass(slots=True)
class Pages:
    """The pages of one type: the last id of each, and its moment."""

    last_ids: list[str] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)

    def add(self, last_id: str, moment: Moment) -> None:
        """Pages of one moment are one; there are as many as the table was written to meanwhile."""
        if self.moments and self.moments[-1] == moment:
            self.last_ids[-1] = last_id
        else:
            self.last_ids.append(last_id)
            self.moments.append(moment)

    def moment_of(self, subject_id: str) -> Moment:
        return self.moments[bisect_left(self.last_ids, subject_id)]


class Snapshot:
    """The subjects of a view that its actor sees now. Read `page` until it is `complete`."""

    def __init__(self, view: View, actor: Any) -> None:
        self._view = view
        self._actor = actor
        self._left = list(view.subject_types)
        self._last_id: str | None = None
        self._pages = {name: Pages() for name in view.subject_types}

    @property
    def complete(self) -> bool:
        """Whether all pages were read."""
        return not self._left

    def page(self) -> list[Logged]:
        """The next subjects, each as if it was just created."""
        subject_type = self._left[0]
        moment, images = self._read(subject_type)
        self._last_id = str(images[-1]["id"]) if len(images) == PAGE else _BEYOND
        self._pages[subject_type].add(self._last_id, moment)
        if self._last_id is _BEYOND:
            del self._left[0]
            self._last_id = None
            if not self._left:
                self._actor = None  # A stream lives long.
        return [_as_created(subject_type, image) for image in images]

    def holds(self, change: Logged) -> bool:
        """Whether what this change made of its subject, or a later state, was read. Only once it is `complete`."""
        return self._pages[change.subject_type].moment_of(change.subject_id).saw(change.xid)

    def _read(self, subject_type: str) -> tuple[Moment, list[Image]]:
        subject = subjects.of(subject_type)
        rows = self._view.narrow(subject.model._default_manager.visible_to(self._actor))
        if self._view.subject_ids:
            # What is no id is nobody's.
            rows = rows.filter(pk__in=[wanted for wanted in self._view.subject_ids if ids.parsed(wanted)])
        if self._last_id is not None:
            rows = rows.filter(pk__gt=self._last_id)
        page, values = subject.images(rows).values_list("image")[:PAGE].query.sql_with_params()
        with connection.cursor() as cursor:
            # One statement, so that the rows are of the moment; and one row at least, so that there is a moment.
            cursor.execute(
                "SELECT pg_current_snapshot()::text, page.image::text"  # noqa: S608 - the queryset's own SQL
                f" FROM (SELECT) AS one LEFT JOIN ({page}) AS page ON true ORDER BY (page.image->>'id')::uuid",
                values,
            )
            found = cursor.fetchall()
        return Moment.parsed(found[0][0]), [json.loads(image) for _, image in found if image is not None]


def _as_created(subject_type: str, image: Image) -> Logged:
    return Logged(
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
