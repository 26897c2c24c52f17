"""Idempotency keys: a write that is sent twice is executed once, over either transport.

The key is scoped to (principal, operation). Its row is inserted in the transaction of the effect and holds a keyed hash
of the request and the answer, so effect and row are committed together or not at all. Errors are not kept. The caller
of this module checks who may see a kept answer (`core.replays`). The answer is erased when its subject is deleted.
"""

import json
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, IntegrityError, connection
from django.utils import timezone

from core.db import sessions
from core.db.transactions import single_write
from core.errors import IdempotencyKeyReused, RequestInProgress
from core.hmac_digests import hmac_digests
from core.models import IdempotencyRecord

RETENTION = timedelta(hours=24)
#: How long a duplicate waits for the first request.
WAIT_MS = 2_000
_LOCK_NOT_AVAILABLE = "55P03"
# An expired row counts as missing and is overwritten. The statements that follow have the time limit of a statement
# again.
_CLAIM = """
    SELECT set_config('lock_timeout', %s, true);
    WITH claimed AS (
        INSERT INTO core_idempotencyrecord (principal, operation, key, request_hash, answer, created_at)
        VALUES (%s, %s, %s, %s, '', %s)
        ON CONFLICT (principal, operation, key) DO UPDATE
            SET request_hash = EXCLUDED.request_hash, answer = '', subject = NULL, created_at = EXCLUDED.created_at
            WHERE core_idempotencyrecord.created_at NOT BETWEEN %s AND %s
        RETURNING id
    )
    SELECT id, set_config('lock_timeout', %s, true) FROM claimed
"""
# The same for many keys, whose answers are known.
_KEEP_MANY = """
    INSERT INTO core_idempotencyrecord (principal, operation, created_at, key, request_hash, answer)
    SELECT %s, %s, %s, key, request_hash, answer
    FROM json_to_recordset(%s) AS rows (key text, request_hash bytea, answer bytea)
    ON CONFLICT (principal, operation, key) DO UPDATE
        SET request_hash = EXCLUDED.request_hash, answer = EXCLUDED.answer, subject = NULL,
            created_at = EXCLUDED.created_at
        WHERE core_idempotencyrecord.created_at NOT BETWEEN %s AND %s
"""
_KEPT = """
    SELECT key, request_hash, answer FROM core_idempotencyrecord
    WHERE principal = %s AND operation = %s AND key = ANY(%s) AND created_at BETWEEN %s AND %s
"""
_KEEP = "UPDATE core_idempotencyrecord SET answer = %s, subject = %s WHERE id = %s"


def once(
    *,
    principal: str,
    operation: str,
    key: str,
    request: bytes,
    effect: Callable[[], bytes],
    subject: Callable[[], UUID | str | None] = lambda: None,
) -> tuple[bytes, bool]:
    """Run `effect` unless it has already run for this key.

    Args:
        request: in a canonical form; another request with the same key is rejected.
        effect: writes, and returns the answer to keep. If a part of it fails, all of it fails (`single_write`).
        subject: called after the effect; returns the id of the object that the answer is about (see `forget`).

    Returns:
        The answer, and whether it is an earlier one.

    Raises:
        ObjectDoesNotExist: the answer was erased, because its subject was deleted.
        RequestInProgress: the first request with this key is still running after `WAIT_MS`.
        IdempotencyKeyReused: the key was used with another request.
    """
    request_hash, *by_other_keys = hmac_digests(request)
    with single_write(), connection.cursor() as cursor:
        record_id = _claim(cursor, principal, operation, key, request_hash)
        if record_id is not None:
            answer = effect()
            cursor.execute(_KEEP, [answer, subject(), record_id])
            return answer, False
        record = IdempotencyRecord.objects.get(principal=principal, operation=operation, key=key)
        if bytes(record.request_hash) not in (request_hash, *by_other_keys):
            raise IdempotencyKeyReused("This idempotency key was used with another request; use a new key.")
        if record.answer is None:
            raise ObjectDoesNotExist("The object that this request wrote has since been deleted.")
        return bytes(record.answer), True


def forget(*subjects: UUID) -> None:
    """Erase the answers about these subjects, in the transaction that deletes them permanently.

    Their keys stay used, so a repeated request does not restore what was deleted.
    """
    IdempotencyRecord.objects.filter(subject__in=subjects).update(answer=None)


def forget_principal(principal: str) -> None:
    """Delete all records of this principal, whose account is deleted."""
    IdempotencyRecord.objects.filter(principal=principal).delete()


class Kept(NamedTuple):
    """The record of a write: a keyed hash of its request, and its answer."""

    request_hash: bytes
    answer: bytes

    def is_of(self, request: bytes) -> bool:
        """Return whether the record is that of this request, in a canonical form."""
        return self.request_hash in hmac_digests(request)


def kept(principal: str, operation: str, keys: Collection[str]) -> dict[str, Kept]:
    """Return the records of these keys; an unused key is missing."""
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_KEPT, [principal, operation, list(keys), *_counting()])
        return {key: Kept(bytes(request_hash), bytes(answer)) for key, request_hash, answer in cursor.fetchall()}


def keep(principal: str, operation: str, rows: Iterable[tuple[str, bytes, bytes]]) -> None:
    """Keep the key, request and answer of each write, in the transaction of the effect.

    Raises:
        IntegrityError: a concurrent request used one of the keys.
    """
    # Sorted, so that two calls with the same keys wait for each other and do not deadlock.
    records = [
        {"key": key, "request_hash": f"\\x{hmac_digests(request)[0].hex()}", "answer": f"\\x{answer.hex()}"}
        for key, request, answer in sorted(rows)
    ]
    if not records:
        return
    with connection.cursor() as cursor:
        cursor.execute(_KEEP_MANY, [principal, operation, timezone.now(), json.dumps(records), *_counting()])
        if cursor.rowcount < len(records):
            raise IntegrityError("An idempotency key was used concurrently.")


def prune() -> int:
    """Delete the expired records; return how many."""
    deleted, _ = IdempotencyRecord.objects.exclude(created_at__range=_counting()).delete()
    return deleted


def _counting() -> tuple[datetime, datetime]:
    """Return the range of `created_at` of valid records. A record with a future time (of a fast clock) has expired."""
    now = timezone.now()
    return now - RETENTION, now + RETENTION


def _claim(cursor: Any, principal: str, operation: str, key: str, request_hash: bytes) -> int | None:
    """Insert the key's row after any concurrent insert has ended; return its id, or None if the key is in use."""
    limit = str(sessions.statement_ms())
    parameters = [f"{WAIT_MS}ms", principal, operation, key, request_hash, timezone.now(), *_counting(), limit]
    try:
        cursor.execute(_CLAIM, parameters)
        row = cursor.fetchone()
    except DatabaseError as exc:
        if getattr(exc.__cause__, "pgcode", None) == _LOCK_NOT_AVAILABLE:
            raise RequestInProgress("The first request with this idempotency key is still running.") from exc
        raise
    return row[0] if row else None
