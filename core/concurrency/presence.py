"""Presence of callers. A caller that is alone may use the shares of others.

The processes of an installation on one machine share its processors, so they share this state: in a small file in the
data folder, one for each database. If the file cannot be written, each process counts only its own callers.
"""

import mmap
import os
import struct
import time
import zlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from django.conf import settings
from django.db import connection

#: How long a caller counts as present after a call.
PRESENT_SECONDS = 1.0
#: A checksum of the last caller, the time of its last call, and that of the last call of any other caller; by the
#: machine's monotonic clock.
_RECORD = struct.Struct("<Idd")


class Presence:
    """A record of whether several callers are active at once, shared by processes through a small file.

    The file holds the last caller, and the time of the last call of any other. It has no lock: one of two concurrent
    writes may be lost, until that caller's next call.

    Args:
        place: returns the path of the file that processes share.
    """

    def __init__(self, place: Callable[[], Path]) -> None:
        self._place = place

    @cached_property
    def _memory(self) -> mmap.mmap:
        place = self._place()
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("a+b") as file:
                # Written, not only truncated to its size: a write to a hole of a mapped file ends the process when the
                # disk is full.
                if file.seek(0, os.SEEK_END) < _RECORD.size:
                    file.write(bytes(_RECORD.size))
                    file.flush()
                return mmap.mmap(file.fileno(), _RECORD.size)
        except OSError:
            return mmap.mmap(-1, _RECORD.size)

    def note(self, caller: str) -> None:
        """Count the caller as present from now on."""
        key, now = zlib.crc32(caller.encode()), time.monotonic()
        last_key, last_at, other_at = _RECORD.unpack_from(self._memory)
        _RECORD.pack_into(self._memory, 0, key, now, other_at if key == last_key else last_at)

    def is_beside_others(self, caller: str) -> bool:
        """Return whether another caller is present."""
        last_key, last_at, other_at = _RECORD.unpack_from(self._memory)
        at = other_at if zlib.crc32(caller.encode()) == last_key else last_at
        # A time in the future was written before the machine was restarted.
        return bool(at > 0 and abs(time.monotonic() - at) < PRESENT_SECONDS)


def _place() -> Path:
    database = str(connection.settings_dict["NAME"]).encode()
    place: Path = settings.DATA_DIR / f"callers-{zlib.crc32(database):08x}"
    return place


#: The callers of this installation.
PRESENCE = Presence(_place)
