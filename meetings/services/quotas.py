"""How much one user may send and store, and whether the disk has room for it.

What is announced counts when it is announced; a recording whose length is not known yet counts as the longest that may
come. Administrators, and service accounts with them, have no limits of their own: they send for others. The disk's
reserve holds for everyone.
"""

import zlib
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Count, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from core import disk
from core.errors import QuotaExceeded, TooLarge
from meetings.models import Meeting, Upload

#: How long an upload is kept after its last piece; then it is given up.
RETENTION = timedelta(days=7)
#: Namespace of the advisory locks of users.
_LOCKS = 7306
#: The disk is looked at each time so many bytes have come.
_LOOK_EVERY_BYTES = 16 * 1024 * 1024


class Room:
    """How much of a recording may come; counts what does.

    Args:
        max_bytes: beyond which `refusal` is raised; never more than a recording may have.
    """

    def __init__(self, max_bytes: int, refusal: Exception) -> None:
        self._left = max_bytes
        self._refusal = refusal
        self._until_look = 0

    def take(self, size: int) -> None:
        """Count so many bytes that have come, before they are written.

        Raises:
            TooLarge, QuotaExceeded: they are too many.
            InsufficientStorage: the disk's reserve would be used.
        """
        self._left -= size
        if self._left < 0:
            raise self._refusal
        self._until_look -= size
        if self._until_look < 0:
            disk.check_room(size)
            self._until_look = _LOOK_EVERY_BYTES


def check_upload(actor: Any, owner_id: UUID, size: int | None) -> None:
    """Refuse an upload that is announced if the user has too many, or too much of them.

    Locks the user's uploads until the running transaction ends, so that those announced at once count each other.

    Args:
        actor: who announces it.
        owner_id: of the meeting.
        size: None = not known yet.

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
            f"You have {unfinished} unfinished uploads, which is as many as one user may have; finish or delete one."
        )
    _check_announced(announced, size)
    _check_stored(owner_id, announced + size)


def room_for(actor: Any, owner_id: UUID, size: int) -> Room:
    """Return how much may come of a recording that is sent in one piece.

    Args:
        size: as announced; 0 = not known.

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


def max_deferred(actor: Any) -> int:
    """Return how many bytes may come of an upload whose length is not known yet; so many it counts."""
    if actor.is_administrator:
        return int(settings.MAX_RECORDING_BYTES)
    return int(min(settings.MAX_RECORDING_BYTES, settings.UPLOAD_BYTES_PER_USER))


def too_large() -> TooLarge:
    """Return the refusal of what is larger than a recording may be."""
    return TooLarge(f"A recording has at most {settings.MAX_RECORDING_BYTES:,} bytes.")


def _check_size(size: int) -> None:
    if size > settings.MAX_RECORDING_BYTES:
        raise too_large()


def _check_announced(announced: int, size: int) -> None:
    if announced + size > settings.UPLOAD_BYTES_PER_USER:
        raise QuotaExceeded(
            f"Your unfinished uploads have {announced:,} bytes, and may have {settings.UPLOAD_BYTES_PER_USER:,}; "
            "finish or delete one, or announce a smaller one."
        )


def _check_stored(owner_id: UUID, more: int) -> int:
    """Return how many bytes are stored for the owner, if so many more may be."""
    if not settings.RECORDING_BYTES_PER_USER:
        return 0
    stored = Meeting.objects.filter(owner=owner_id).aggregate(stored=Coalesce(Sum("recording_size"), Value(0)))[
        "stored"
    ]
    if stored + more > settings.RECORDING_BYTES_PER_USER:
        raise QuotaExceeded(
            f"The recordings of this owner have {stored:,} bytes, and may have {settings.RECORDING_BYTES_PER_USER:,}; "
            "delete a meeting first."
        )
    return int(stored)


def _unfinished(actor: Any) -> tuple[int, int]:
    """Return how many uploads the user has that may go on, and how many bytes they announce."""
    going_on = Upload.objects.filter(created_by=actor.pk, ended_at=None, updated_at__gt=timezone.now() - RETENTION)
    found = going_on.aggregate(
        count=Count("pk"), announced=Coalesce(Sum(Coalesce("length", Value(max_deferred(actor)))), Value(0))
    )
    return found["count"], int(found["announced"])
