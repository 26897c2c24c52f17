"""Room on the disk that holds the data folder: for what is stored, and the reserve that is left to the database.

Uploads are refused while the reserve is not free, so that writes and logins go on. The process is not ready once half
of the reserve is used up: uploads alone cannot bring that about.
"""

import shutil
from pathlib import Path

from django.conf import settings

from core.errors import InsufficientStorage


def free_bytes() -> int:
    """Return how many bytes may still be written where the data folder is."""
    place: Path = settings.DATA_DIR
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def check_room(size: int = 0) -> None:
    """Refuse to store so many bytes more if they would use up the reserve.

    Raises:
        InsufficientStorage
    """
    if free_bytes() - size < settings.DISK_RESERVE_BYTES:
        raise InsufficientStorage(
            "There is no room for this recording just now; try again later, or send a smaller one."
        )


def has_reserve() -> bool:
    """Return whether at least half of the reserve is free."""
    return free_bytes() * 2 >= int(settings.DISK_RESERVE_BYTES)
