"""Reading of the numbered change log."""

import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from django.db import connection

from core.errors import Unavailable

#: A row as JSON values, by column.
Image = Mapping[str, Any]

#: How many numbers are read at once.
PAGE_SIZE = 500


@dataclass(frozen=True, slots=True)
class Head:
    """Extent of the log: its epoch, its last number, and the oldest number that is kept."""

    epoch: uuid.UUID
    seq: int
    oldest: int


@dataclass(slots=True, eq=False)
class ChangeRecord:
    """A change, shared by all streams together with the values that were derived from it.

    Attributes:
        seq: the sequence number; 0 = from a snapshot instead of the log.
        version: of the subject after the change.
        operation: `created`, `updated`, `deleted`.
        before: image of the row before the change, or its JSON until it is first read; None where there was no row,
            and once the subject was forgotten.
        after: the same of the row after the change.
        traceparent: the span of the call that wrote it (W3C); None without tracing.
        size: length of both images as JSON text.
        derived: values derived from the change once for all streams, by a key of the function that derives them.
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
    traceparent: str | None
    occurred_at: datetime
    size: int
    derived: dict[Any, Any] = field(default_factory=dict)

    @property
    def forgotten(self) -> bool:
        """True if both images were removed, so that only the fact of the change is left."""
        return self.before is None and self.after is None

    @property
    def old(self) -> Image | None:
        """The row before the change."""
        image = self.before
        if isinstance(image, str):  # Two threads may both parse it, with equal results.
            image = self.before = cast(Image, json.loads(image))
        return image

    @property
    def new(self) -> Image | None:
        """The row after the change."""
        image = self.after
        if isinstance(image, str):  # Two threads may both parse it, with equal results.
            image = self.after = cast(Image, json.loads(image))
        return image


# One statement, so that the head and the changes are read in one snapshot. Numbers have no gaps, so a range is a page.
_READ = """
    SELECT head.epoch, head.seq, head.oldest, change.seq, change.xid, change.subject_type, change.subject_id::text,
           change.subject_version, change.operation, change.old::text, change.new::text, change.actor, change.reason,
           change.traceparent, change.occurred_at
    FROM changes_head AS head LEFT JOIN changes_change AS change
        ON change.seq > %(after)s AND change.seq <= %(until)s
        AND (change.subject_type = ANY (%(types)s) OR %(types)s::text[] IS NULL)
    ORDER BY change.seq
"""


def read(
    after: int, subject_types: Collection[str] | None = None, limit: int = PAGE_SIZE
) -> tuple[Head, int, list[ChangeRecord]]:
    """Return the current head, the number up to which was read, and the changes of these types after `after`.

    Args:
        subject_types: None = all.

    Raises:
        Unavailable: no process has begun to number changes.
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
    changes = [_change_record(row[3:]) for row in rows if row[3] is not None]
    return head, max(after, min(after + limit, head.seq)), changes


# UNION ALL gives two index scans; an OR would scan the table.
_HAS_PENDING = """
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
    """Return whether the subject or its dependents have committed changes after this number, or without a number.

    Args:
        subject_types: types of the subject and of its dependents.
        belongs_to: the column in which dependents refer to the subject, and the subject's id.
    """
    column, subject_id = belongs_to
    values: dict[str, Any] = {"after": after, "types": list(subject_types), "subject_id": subject_id, "column": column}
    with connection.cursor() as cursor:
        cursor.execute(_HAS_PENDING, values)
        return bool(cursor.fetchone()[0])


# Rows are selected by id, which, unlike the number, all of them have. OFFSET 0 keeps the planner from looking for the
# lowest id in the index of ids, from the beginning of the log.
_FIRST_ID = """
    SELECT least((SELECT min(id) FROM (SELECT id FROM changes_change WHERE seq > %(after)s OFFSET 0) AS change),
                 (SELECT min(id) FROM changes_change WHERE seq IS NULL))
"""
_MOVED = """
    SELECT id, seq, xid, subject_type, subject_id::text, subject_version, operation, old::text, new::text, actor,
           reason, traceparent, occurred_at
    FROM changes_change
    WHERE id > %(above)s AND subject_type = %(type)s AND old->>%(column)s = %(owner)s
        AND (seq > %(after)s OR seq IS NULL)
    ORDER BY id LIMIT %(limit)s
"""
_VERSIONS = """
    SELECT subject_id::text, subject_version, xid FROM changes_change
    WHERE subject_type = %(type)s AND subject_id = ANY (%(ids)s::uuid[]) AND (seq > %(after)s OR seq IS NULL)
"""


def first_id(after: int) -> int | None:
    """Return the lowest id of the changes after this number, with those that have none; None if there are none."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_ID, {"after": after})
        found: int | None = cursor.fetchone()[0]
    return found


def changes_of_owned(
    after: int, subject_type: str, owned_by: tuple[str, str], above: int, limit: int
) -> list[tuple[int, ChangeRecord]]:
    """Return committed changes, with or without a number, of rows that belonged to an owner before the change.

    Args:
        after: number after which they were made.
        owned_by: the column with the id of the owner, and that id.
        above: id of the change before them.

    Returns:
        At most `limit` changes, each with its id, in the order of the ids.
    """
    column, owner = owned_by
    values: dict[str, Any] = {"above": above, "type": subject_type, "column": column, "owner": owner, "after": after}
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, {**values, "limit": limit})
        return [(row[0], _change_record((row[1] or 0, *row[2:]))) for row in cursor.fetchall()]


def versions_since(after: int, subject_type: str, subject_ids: Collection[str]) -> list[tuple[str, int, int]]:
    """Return id, version and transaction of each committed change of these subjects after this number."""
    with connection.cursor() as cursor:
        cursor.execute(_VERSIONS, {"type": subject_type, "ids": list(subject_ids), "after": after})
        found: list[tuple[str, int, int]] = cursor.fetchall()
    return found


def read_head() -> Head:
    """Return the current extent of the log.

    Raises:
        Unavailable: no process has begun to number changes.
    """
    return read(0, limit=0)[0]


def _change_record(row: tuple[Any, ...]) -> ChangeRecord:
    seq, xid, subject_type, subject_id, version, operation, old, new, actor, reason, traceparent, occurred_at = row
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
        traceparent,
        occurred_at,
        len(old or "") + len(new or ""),
    )
