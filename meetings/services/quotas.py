"""Quotas of recordings: how many bytes the recordings of one owner may have in the storage."""

from uuid import UUID

from django.conf import settings
from django.db.models import Sum, Value
from django.db.models.functions import Coalesce

from core.actors import Actor
from core.errors import QuotaExceeded, TooLarge
from core.uploads import quotas
from core.uploads.purposes import Purpose, registered
from core.uploads.quotas import Room
from meetings.models import Meeting


def check_upload(actor: Actor, owner_id: UUID, size: int | None) -> None:
    """Reject a new upload that would exceed the quotas of its user, or of the owner of its meeting.

    Args:
        size: in bytes; None = not known yet.

    Raises:
        QuotaExceeded, InsufficientStorage, TooLarge
    """
    announced = quotas.check_upload(_purpose(), actor, size)
    if not actor.is_administrator:
        _check_stored(owner_id, announced)


def room_for(actor: Actor, owner_id: UUID, size: int) -> Room:
    """Return the limit of a recording that is sent in one piece.

    Args:
        size: as declared, in bytes; 0 = not known.

    Raises:
        QuotaExceeded, InsufficientStorage, TooLarge
    """
    purpose = _purpose()
    quotas.check_size(purpose, size)
    if actor.is_administrator:
        return Room(purpose.max_bytes, too_large())
    announced = quotas.announced_bytes(actor, size)
    left = settings.UPLOAD_BYTES_PER_USER - announced
    if settings.RECORDING_BYTES_PER_USER:
        left = min(left, settings.RECORDING_BYTES_PER_USER - _check_stored(owner_id, announced + size) - announced)
    if left < purpose.max_bytes:
        return Room(left, QuotaExceeded(f"You may send at most {max(0, left):,} more bytes; delete a recording first."))
    return Room(purpose.max_bytes, too_large())


def max_deferred(actor: Actor) -> int:
    """Return the limit of a recording whose length is not known yet. It counts with so many bytes."""
    return quotas.max_deferred(_purpose(), actor)


def too_large() -> TooLarge:
    """Return the error for a recording that exceeds the maximum size."""
    return TooLarge(f"A recording has at most {settings.MAX_RECORDING_BYTES:,} bytes.")


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


def _purpose() -> Purpose:
    # `resumable`, which defines it, needs this module.
    return registered["recording"]
