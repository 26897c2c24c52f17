"""Idempotency keys: a write that is sent twice happens once, on whichever doors it was sent.

The key is scoped to (principal, operation). Its row is inserted in the transaction of the effect and holds a keyed hash
of the request and the answer, so effect and row are committed together or not at all. Errors are not kept.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, connection
from django.utils import timezone

from core.errors import IdempotencyKeyReused, RequestInProgress
from core.keyed import digests
from core.models import IdempotencyRecord, insert_many
from core.transactions import Whole

KEPT_FOR = timedelta(hours=24)
#: How long a duplicate waits for the request that came first.
WAIT_MS = 2_000
_LOCK_NOT_AVAILABLE = "55P03"
# A row past its time is taken over in place: it counts as not there. What comes after it waits as long as it likes.
_CLAIM = """
    SELECT set_config('lock_timeout', %s, true);
    WITH claimed AS (
        INSERT INTO core_idempotencyrecord (principal, operation, key, request_hash, answer, created_at)
        VALUES (%s, %s, %s, %s, '', %s)
        ON CONFLICT (principal, operation, key) DO UPDATE
            SET request_hash = EXCLUDED.request_hash, answer = '', created_at = EXCLUDED.created_at
            WHERE core_idempotencyrecord.created_at < %s
        RETURNING id
    )
    SELECT id, set_config('lock_timeout', '0', true) FROM claimed
"""
_KEEP = "UPDATE core_idempotencyrecord SET answer = %s WHERE id = %s"


def once(
    *, principal: str, operation: str, key: str, request: bytes, effect: Callable[[], bytes]
) -> tuple[bytes, bool]:
    """Runs `effect` unless this key already did.

    Args:
        request: what was asked, in a canonical form; another request under the same key is refused.
        effect: does the write and gives the answer to keep. Where a part of it fails, all of it does (`Whole`).

    Returns:
        The answer, and whether it is an earlier one.

    Raises:
        RequestInProgress: the first request with this key is still running after `WAIT_MS`.
        IdempotencyKeyReused: the key was used with another request.
    """
    request_hash, *by_other_keys = digests(request)
    with Whole(), connection.cursor() as cursor:
        record_id = _claim(cursor, principal, operation, key, request_hash)
        if record_id is not None:
            answer = effect()
            cursor.execute(_KEEP, [answer, record_id])
            return answer, False
        record = IdempotencyRecord.objects.get(principal=principal, operation=operation, key=key)
        if bytes(record.request_hash) not in (request_hash, *by_other_keys):
            raise IdempotencyKeyReused("This idempotency key was used with another request; take a new key.")
        return bytes(record.answer), True


def kept(principal: str, operation: str, requests: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """Which of these keys were used already.

    Args:
        requests: key → what is asked with it, in a canonical form.

    Returns:
        Key → the answer that was kept; None where the key was used with another request.
    """
    if not requests:
        return {}
    records = IdempotencyRecord.objects.filter(
        principal=principal, operation=operation, key__in=requests, created_at__gte=timezone.now() - KEPT_FOR
    )
    return {
        record.key: bytes(record.answer) if bytes(record.request_hash) in digests(requests[record.key]) else None
        for record in records
    }


def keep(principal: str, operation: str, rows: Iterable[tuple[str, bytes, bytes]]) -> None:
    """Keeps key, request and answer of each, in the transaction of the effect.

    Raises:
        IntegrityError: somebody used one of the keys meanwhile.
    """
    now = timezone.now()
    # In one order, so that two who bring the same keys wait for each other and do not lock each other up.
    records = [
        {
            "principal": principal,
            "operation": operation,
            "key": key,
            "request_hash": digests(request)[0],
            "answer": answer,
            "created_at": now,
        }
        for key, request, answer in sorted(rows)
    ]
    if records:
        expired = IdempotencyRecord.objects.filter(created_at__lt=now - KEPT_FOR)
        expired.filter(principal=principal, operation=operation, key__in=[r["key"] for r in records]).delete()
        insert_many(IdempotencyRecord, records)


def prune() -> int:
    """Deletes the records past their time; gives how many."""
    deleted, _ = IdempotencyRecord.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
    return deleted


def _claim(cursor: Any, principal: str, operation: str, key: str, request_hash: bytes) -> int | None:
    """Inserts the key's row, waiting for a concurrent insert to commit or roll back; None when one is there."""
    now = timezone.now()
    try:
        cursor.execute(_CLAIM, [f"{WAIT_MS}ms", principal, operation, key, request_hash, now, now - KEPT_FOR])
        row = cursor.fetchone()
    except DatabaseError as exc:
        if getattr(exc.__cause__, "pgcode", None) == _LOCK_NOT_AVAILABLE:
            raise RequestInProgress("The first request with this idempotency key is still running.") from exc
        raise
    return row[0] if row else None
