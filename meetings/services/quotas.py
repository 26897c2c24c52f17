"""Quotas of uploads and stored recordings for each user, and the check of free disk space.

An upload counts with its declared length from its creation on; one of unknown length counts with the maximum.
Administrators and service accounts have no quotas, as they upload for others. The disk's reserve applies to all users.
"""

import zlib
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Count, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from core import disk
from core.actors import Actor
from core.errors import QuotaExceeded, TooLarge
from meetings.models import Meeting, Upload

#: How long an upload is kept after its last piece; then it is deleted.
RETENTION = timedelta(days=7)
#: Namespace of the advisory locks of users.
_LOCKS = 7306
#: Free disk space is checked each time so many bytes have been received.
_CHECK_EVERY_BYTES = 16 * 1024 * 1024


class Room:
    """The number of bytes that a recording may still have, counted down as they are received.

    Args:
        max_bytes: the limit, at most that of a recording; `refusal` is raised beyond it.
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


def check_upload(actor: Actor, owner_id: UUID, size: int | None) -> None:
    """Reject a new upload that would exceed the user's quotas.

    Locks the user's uploads until the transaction ends, so that concurrently created ones count each other.

    Args:
        actor: the uploading user.
        owner_id: of the meeting.
        size: in bytes; None = not known yet.

    Raises:
        QuotaExceeded, InsufficientStorage, TooLarge
    """
    size = max_deferred(actor) if size is None else size
    _check_size(size)
    disk.check_room(size)
    if actor.is_administrator:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCKS, zlib.crc32(actor.pk.bytes) - 2**31])
    unfinished, announced = _unfinished(actor)
    if unfinished >= settings.UPLOADS_PER_USER:
        raise QuotaExceeded(
            f"You have {unfinished} unfinished uploads, the maximum for one user; finish or delete one."
        )
    _check_announced(announced, size)
    _check_stored(owner_id, announced + size)


def room_for(actor: Actor, owner_id: UUID, size: int) -> Room:
    """Return the limit of a recording that is sent in one piece.

    Args:
        size: as declared, in bytes; 0 = not known.

    Raises:
        QuotaExceeded, InsufficientStorage, TooLarge
    """
    _check_size(size)
    disk.check_room(size)
    if actor.is_administrator:
        return Room(settings.MAX_RECORDING_BYTES, too_large())
    _, announced = _unfinished(actor)
    _check_announced(announced, size)
    left = settings.UPLOAD_BYTES_PER_USER - announced
    if settings.RECORDING_BYTES_PER_USER:
        left = min(left, settings.RECORDING_BYTES_PER_USER - _check_stored(owner_id, announced + size) - announced)
    if left < settings.MAX_RECORDING_BYTES:
        return Room(left, QuotaExceeded(f"You may send at most {max(0, left):,} more bytes; delete a recording first."))
    return Room(settings.MAX_RECORDING_BYTES, too_large())


def max_deferred(actor: Actor) -> int:
    """Return the limit of an upload whose length is not known yet. It counts with so many bytes."""
    if actor.is_administrator:
        return int(settings.MAX_RECORDING_BYTES)
    return int(min(settings.MAX_RECORDING_BYTES, settings.UPLOAD_BYTES_PER_USER))


def too_large() -> TooLarge:
    """Return the error for a recording that exceeds the maximum size."""
    return TooLarge(f"A recording has at most {settings.MAX_RECORDING_BYTES:,} bytes.")


def _check_size(size: int) -> None:
    if size > settings.MAX_RECORDING_BYTES:
        raise too_large()


def _check_announced(announced: int, size: int) -> None:
    if announced + size > settings.UPLOAD_BYTES_PER_USER:
        raise QuotaExceeded(
            f"Your unfinished uploads have {announced:,} bytes of at most {settings.UPLOAD_BYTES_PER_USER:,}; "
            "finish or delete one, or send a smaller file."
        )


def _check_stored(owner_id: UUID, more: int) -> int:
    """Return how many bytes are stored for the owner. Raise QuotaExceeded if so many more would exceed the quota."""
    if not settings.RECORDING_BYTES_PER_USER:
        return 0
    stored = (
        Meeting.objects.filter(owner=owner_id)
        .exclude(recording="")
        .aggregate(stored=Coalesce(Sum("recording_size"), Value(0)))["stored"]
    )
    if stored + more > settings.RECORDING_BYTES_PER_USER:
        raise QuotaExceeded(
            f"The recordings of this owner have {stored:,} bytes of at most {settings.RECORDING_BYTES_PER_USER:,}; "
            "delete a meeting first."
        )
    return int(stored)


def _unfinished(actor: Actor) -> tuple[int, int]:
    """Return how many unfinished uploads the user has, and the sum of their declared bytes."""
    uploads = Upload.objects.filter(created_by=actor.pk, ended_at=None, updated_at__gt=timezone.now() - RETENTION)
    found = uploads.aggregate(
        count=Count("pk"), announced=Coalesce(Sum(Coalesce("length", Value(max_deferred(actor)))), Value(0))
    )
    return found["count"], int(found["announced"])
