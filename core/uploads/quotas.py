"""Limits on what one user may upload, and the check of free disk space.

An upload counts with its declared length from its creation on; one of unknown length counts with the maximum. All
purposes count together. Administrators and service accounts have no quotas, as they upload for others. The disk's
reserve applies to all users. How much may be stored is the matter of the apps.
"""

import zlib
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from core import disk
from core.actors import Actor
from core.errors import QuotaExceeded
from core.uploads.purposes import Purpose, purposes

#: How long an upload is kept after its last piece; then it is deleted.
RETENTION = timedelta(days=7)
#: Namespace of the advisory locks of users.
_LOCKS = 7306
#: Free disk space is checked each time so many bytes have been received.
_CHECK_EVERY_BYTES = 16 * 1024 * 1024


class Room:
    """The number of bytes that a file may still have, counted down as they are received.

    Args:
        max_bytes: the limit; `refusal` is raised beyond it.
    """

    def __init__(self, max_bytes: int, refusal: Exception) -> None:
        self._left = max_bytes
        self._refusal = refusal
        self._until_check = 0

    def take(self, size: int) -> None:
        """Count received bytes before they are written.

        Raises:
            TooLarge, QuotaExceeded: the limit is exceeded.
            InsufficientStorage: the disk's reserve would be used.
        """
        self._left -= size
        if self._left < 0:
            raise self._refusal
        self._until_check -= size
        if self._until_check < 0:
            disk.check_room(size)
            self._until_check = _CHECK_EVERY_BYTES


def check_size(purpose: Purpose, size: int) -> None:
    """Raise TooLarge or InsufficientStorage if a file of this size cannot be received."""
    if size > purpose.max_bytes:
        raise purpose.too_large()
    disk.check_room(size)


def check_upload(purpose: Purpose, actor: Actor, size: int | None) -> int:
    """Reject a new upload that would exceed what the user may have unfinished.

    Locks the user's uploads until the transaction ends, so that concurrently created ones count each other.

    Args:
        size: in bytes; None = not known yet.

    Returns:
        How many bytes the user's unfinished uploads will have with it; 0 for those without quotas.

    Raises:
        QuotaExceeded, InsufficientStorage, TooLarge
    """
    size = max_deferred(purpose, actor) if size is None else size
    check_size(purpose, size)
    if actor.is_administrator:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCKS, zlib.crc32(actor.pk.bytes) - 2**31])
    unfinished, announced = _unfinished(actor)
    if unfinished >= settings.UPLOADS_PER_USER:
        raise QuotaExceeded(
            f"You have {unfinished} unfinished uploads, the maximum for one user; finish or delete one."
        )
    _check_announced(announced, size)
    return announced + size


def announced_bytes(actor: Actor, size: int) -> int:
    """Return how many bytes the user's unfinished uploads have, for a file of this size that is sent in one piece.

    Args:
        size: as declared, in bytes; 0 = not known.

    Raises:
        QuotaExceeded: together they are too many.
    """
    _, announced = _unfinished(actor)
    _check_announced(announced, size)
    return announced


def max_deferred(purpose: Purpose, actor: Actor) -> int:
    """Return the limit of an upload whose length is not known yet. It counts with so many bytes."""
    if actor.is_administrator:
        return purpose.max_bytes
    return int(min(purpose.max_bytes, settings.UPLOAD_BYTES_PER_USER))


def _check_announced(announced: int, size: int) -> None:
    if announced + size > settings.UPLOAD_BYTES_PER_USER:
        raise QuotaExceeded(
            f"Your unfinished uploads have {announced:,} bytes of at most {settings.UPLOAD_BYTES_PER_USER:,}; "
            "finish or delete one, or send a smaller file."
        )


def _unfinished(actor: Actor) -> tuple[int, int]:
    """Return how many unfinished uploads the user has, and the sum of their declared bytes."""
    since, count, announced = timezone.now() - RETENTION, 0, 0
    for purpose in purposes():
        rows = purpose.model._default_manager.filter(created_by=actor.pk, ended_at=None, updated_at__gt=since)
        unknown = Value(max_deferred(purpose, actor))
        found = rows.aggregate(count=Count("pk"), announced=Coalesce(Sum(Coalesce("length", unknown)), Value(0)))
        count, announced = count + found["count"], announced + int(found["announced"])
    return count, announced
