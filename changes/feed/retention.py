"""Retention of the change log."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

#: How many changes one transaction deletes; the sequencer waits for it.
BATCH = 5_000

# The transaction that deletes changes also updates the oldest number that is kept. So a reader of both in one statement
# never mistakes pruned changes for changes that were never written.
_PRUNE = """
    WITH head AS (
        UPDATE changes_head SET oldest = head.until
        FROM (
            SELECT coalesce(min(change.seq), least(head.oldest + %(batch)s, head.seq + 1)) AS until
            FROM changes_head AS head LEFT JOIN changes_change AS change
                ON change.seq >= head.oldest AND change.seq < head.oldest + %(batch)s
                AND (%(rows)s::bigint IS NULL OR change.seq > head.seq - %(rows)s)
                AND (%(since)s::timestamptz IS NULL OR change.occurred_at >= %(since)s)
            GROUP BY head.oldest, head.seq
        ) AS head
        RETURNING head.until
    )
    DELETE FROM changes_change USING head WHERE seq < head.until
"""


def prune() -> int:
    """Delete changes older than CHANGES_KEPT_DAYS or beyond CHANGES_KEPT_ROWS, and return how many."""
    days, rows = settings.CHANGES_KEPT_DAYS, settings.CHANGES_KEPT_ROWS
    values: dict[str, Any] = {
        "since": timezone.now() - timedelta(days=days) if days else None,
        "rows": rows or None,
        "batch": BATCH,
    }
    deleted = 0
    while batch := _prune(values):
        deleted += batch
    return deleted


def _prune(values: dict[str, Any]) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_PRUNE, values)
        return int(cursor.rowcount)
