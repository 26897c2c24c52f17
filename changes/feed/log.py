"""The numbered log, read from a number on."""

import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from django.db import connection

from core.errors import Unavailable

Image = Mapping[str, Any]

#: So many numbers are read at once.
PAGE = 500


@dataclass(frozen=True, slots=True)
class Head:
    """How far the log goes, and from where it is kept."""

    epoch: uuid.UUID
    seq: int
    oldest: int


@dataclass(slots=True, eq=False)
class ChangeRecord:
    """One change as streams see it. All of them share it, and what they made of it.

    Attributes:
        seq: 0 = not of the log, but of a snapshot.
        version: the subject's, after the change.
        operation: `created`, `updated`, `deleted`.
        before: the row before, or its JSON as long as nobody has asked for it; None where there was none, and once the
            subject was forgotten.
        after: the same of the row after.
        size: of both images as text.
        made: what was made of it, once for all streams, by what made it.
    """

    seq: int
    xid: int
    subject_type: str
    subject_id: str
    version: int
    operation: str
    before: Image | str | None
    after: Image | str | None
    actor: str
    reason: str
    occurred_at: datetime
    size: int
    made: dict[Any, Any] = field(default_factory=dict)

    @property
    def forgotten(self) -> bool:
        """Whether nothing is left of it but that it happened."""
        return self.before is None and self.after is None

    @property
    def old(self) -> Image | None:
        """The row before."""
        image = self.before
        if isinstance(image, str):  # Two threads may both read it.
            image = self.before = cast(Image, json.loads(image))
        return image

    @property
    def new(self) -> Image | None:
        """The row after."""
        image = self.after
        if isinstance(image, str):  # Two threads may both read it.
            image = self.after = cast(Image, json.loads(image))
        return image


# One statement, so that what is kept and what is read are of one moment. Numbers are dense: a range of them is a page.
_READ = """
    SELECT head.epoch, head.seq, head.oldest, change.seq, change.xid, change.subject_type, change.subject_id::text,
           change.subject_version, change.operation, change.old::text, change.new::text, change.actor, change.reason,
           change.occurred_at
    FROM changes_head AS head LEFT JOIN changes_change AS change
        ON change.seq > %(after)s AND change.seq <= %(until)s
        AND (change.subject_type = ANY (%(types)s) OR %(types)s::text[] IS NULL)
    ORDER BY change.seq
"""


def read(
    after: int, subject_types: Collection[str] | None = None, limit: int = PAGE
) -> tuple[Head, int, list[ChangeRecord]]:
    """What follows a number: the head now, the number up to which this is all, and the changes of these types.

    Args:
        subject_types: None = all.

    Raises:
        Unavailable: nobody has numbered anything yet.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _READ,
            {"after": after, "until": after + limit, "types": None if subject_types is None else list(subject_types)},
        )
        rows = cursor.fetchall()
    if not rows:
        raise Unavailable("The change feed is not running yet; try again.")
    head = Head(*rows[0][:3])
    changes = [_logged(row[3:]) for row in rows if row[3] is not None]
    return head, max(after, min(after + limit, head.seq)), changes


# Two scans of an index, where an OR would be one of the table.
_GOES_ON = """
    SELECT EXISTS (
        SELECT FROM (
            SELECT * FROM changes_change WHERE seq > %(after)s
            UNION ALL
            SELECT * FROM changes_change WHERE seq IS NULL
        ) AS change
        WHERE change.subject_type = ANY (%(types)s)
            AND %(subject_id)s IN (change.subject_id::text, coalesce(change.new, change.old)->>%(column)s)
    )
"""


def has_pending(after: int, subject_types: Collection[str], belongs_to: tuple[str, str]) -> bool:
    """Whether anything of a subject, or of what belongs to it, is committed beyond a number, numbered by now or not.

    Args:
        subject_types: the subject's, and those of what belongs to it.
        belongs_to: the column by which that names the subject, and the subject's id.
    """
    column, subject_id = belongs_to
    asked: dict[str, Any] = {"after": after, "types": list(subject_types), "subject_id": subject_id, "column": column}
    with connection.cursor() as cursor:
        cursor.execute(_GOES_ON, asked)
        return bool(cursor.fetchone()[0])


def read_head() -> Head:
    """How far the log goes now.

    Raises:
        Unavailable: nobody has numbered anything yet.
    """
    return read(0, limit=0)[0]


def _logged(row: tuple[Any, ...]) -> ChangeRecord:
    seq, xid, subject_type, subject_id, version, operation, old, new, actor, reason, occurred_at = row
    return ChangeRecord(
        seq,
        xid,
        subject_type,
        subject_id,
        version,
        operation,
        old,
        new,
        actor,
        reason,
        occurred_at,
        len(old or "") + len(new or ""),
    )
