"""Rate limits, counted in the database and by its clock, and so shared by all processes."""

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db import connection
from django.db.models import F, Q
from django.db.models.functions import Now

from core.db.transactions import depth
from core.errors import Failure, RateLimited
from core.models import RateWindow

_MAX_KEY_LENGTH = 200
#: What the block of `recount_after_rollback` in this thread has counted, each with its depth of transactions.
_counted: ContextVar[list[tuple[str, str, int, int]] | None] = ContextVar("counted", default=None)


def take(what: str, who: str, *, limit: int, seconds: int, message: str) -> None:
    """Count one more of `what` by `who`.

    Args:
        limit: how many are allowed within a window of `seconds`, which opens with the first.
        message: of the error.

    Raises:
        RateLimited: with the time until the window closes.
    """
    count, wait = _count(what, who, seconds)
    if count > limit:
        raise RateLimited(message, wait)


def seconds_until_allowed(what: str, who: str, *, limit: int, seconds: int) -> int:
    """Count one more of `what` by `who`, and return how long the caller must wait.

    Returns:
        0 if the count is within the limit, else the seconds until the window closes.
    """
    count, wait = _count(what, who, seconds)
    return wait if count > limit else 0


@contextmanager
def recount_after_rollback() -> Iterator[None]:
    """Count again what a failing block counted in a transaction that its failure has rolled back.

    Otherwise a failed attempt would not count wherever it is made in the transaction of its effect.
    """
    outer, counted = depth(), list[tuple[str, str, int, int]]()
    before = _counted.set(counted)
    try:
        yield
    except (ValidationError, Failure, PermissionDenied, ObjectDoesNotExist):
        _counted.set(None)
        for what, who, seconds, at_depth in counted:
            if at_depth > outer:
                _count(what, who, seconds)
        raise
    finally:
        _counted.reset(before)


def undo(what: str, who: str) -> None:
    """Undo one `take` that should not count."""
    RateWindow.objects.filter(key=_key(what, who), count__gt=0).update(count=F("count") - 1)


def reset(what: str, who: str) -> None:
    """Reset the count."""
    RateWindow.objects.filter(key=_key(what, who)).delete()


def prune(older_than: timedelta = timedelta(days=1)) -> int:
    """Delete the windows that closed long ago, and those that start in the future; return how many."""
    over = Q(started_at__lt=Now() - older_than) | Q(started_at__gt=Now() + older_than)
    deleted, _ = RateWindow.objects.filter(over).delete()
    return deleted


def _count(what: str, who: str, seconds: int) -> tuple[int, int]:
    # The clock is read once the row is locked, so the window of a concurrent call cannot seem to start in the future. A
    # window that does was opened by a fast clock, and counts as closed.
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO core_ratewindow AS kept (key, started_at, count) VALUES (%(key)s, clock_timestamp(), 1)
            ON CONFLICT (key) DO UPDATE SET (count, started_at) = (
                SELECT CASE WHEN closed THEN 1 ELSE kept.count + 1 END,
                       CASE WHEN closed THEN now ELSE kept.started_at END
                FROM (
                    SELECT now,
                           kept.started_at > now
                           OR kept.started_at <= now - make_interval(secs => %(seconds)s) AS closed
                    FROM (SELECT clock_timestamp() AS now) AS clock
                ) AS window_now
            )
            RETURNING count, EXTRACT(EPOCH FROM started_at + make_interval(secs => %(seconds)s) - clock_timestamp())
            """,
            {"key": _key(what, who), "seconds": seconds},
        )
        count, left = cursor.fetchone()
    if (counted := _counted.get()) is not None:
        counted.append((what, who, seconds, depth()))
    return count, max(1, math.ceil(left))


def _key(what: str, who: str) -> str:
    key = f"{what}:{who}"
    if len(key) <= _MAX_KEY_LENGTH:
        return key
    # Hashed, so that two long keys with the same beginning stay distinct.
    return f"{what}:sha256:{hashlib.sha256(who.encode()).hexdigest()}"
