"""Limits on how often: counted in the database, so that they hold over all processes."""

import math
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from core.errors import RateLimited
from core.models import RateWindow


def take(what: str, who: str, *, most: int, seconds: int, message: str) -> None:
    """Counts one more of `what` by `who`.

    Args:
        most: how many are allowed within a window of `seconds`, which opens with the first.
        message: what the caller is told when there are more.

    Raises:
        RateLimited: with the time until the window closes.
    """
    now = timezone.now()
    window = timedelta(seconds=seconds)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO core_ratewindow AS kept (key, started_at, count) VALUES (%(key)s, %(now)s, 1)
            ON CONFLICT (key) DO UPDATE SET
                count = CASE WHEN kept.started_at <= %(closed)s THEN 1 ELSE kept.count + 1 END,
                started_at = CASE WHEN kept.started_at <= %(closed)s THEN %(now)s ELSE kept.started_at END
            RETURNING count, started_at
            """,
            {"key": _key(what, who), "now": now, "closed": now - window},
        )
        count, started_at = cursor.fetchone()
    if count > most:
        raise RateLimited(message, max(1, math.ceil((started_at + window - now).total_seconds())))


def forgive(what: str, who: str) -> None:
    """Starts counting anew."""
    RateWindow.objects.filter(key=_key(what, who)).delete()


def prune(older_than: timedelta = timedelta(days=1)) -> int:
    """Deletes the windows that closed long ago; gives how many."""
    deleted, _ = RateWindow.objects.filter(started_at__lt=timezone.now() - older_than).delete()
    return deleted


def _key(what: str, who: str) -> str:
    return f"{what}:{who}"[:200]
