"""Free space on the disk that holds the data folder, and the reserve that is left to the database.

Uploads are rejected while the reserve is not free, so that writes and logins continue to work. The process is not ready
once half of the reserve is used up, which uploads alone cannot cause.
"""

import shutil
from pathlib import Path

from django.conf import settings

from core.errors import InsufficientStorage


def free_bytes() -> int:
    """Return how many bytes are free on the disk of the data folder."""
    place: Path = settings.DATA_DIR
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def check_room(size: int = 0) -> None:
    """Check that `size` more bytes leave the reserve free.

    Raises:
        InsufficientStorage: they do not.
    """
    if free_bytes() - size < settings.DISK_RESERVE_BYTES:
        raise InsufficientStorage("Insufficient storage for this file; retry later, or send a smaller one.")


def has_reserve() -> bool:
    """Return whether at least half of the reserve is free."""
    return free_bytes() * 2 >= int(settings.DISK_RESERVE_BYTES)
