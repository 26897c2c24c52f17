"""Ids: UUIDs of version 7 (RFC 9562), which are ordered by creation time."""

import os
import time
import uuid


def uuid7() -> uuid.UUID:
    """Make a new UUIDv7: 48 bits of Unix milliseconds, 12 bits of the millisecond's fraction, 62 random bits.

    The fraction is in `rand_a` (RFC 9562, 6.2, method 3), so that ids that one process makes within a millisecond are
    ordered as precisely as its clock.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | random)


def parsed(text: str) -> uuid.UUID | None:
    """Parse a UUID in its canonical form, in either case; return None if the text is not one."""
    if len(text) != 36:
        return None
    try:
        value = uuid.UUID(text)
    except ValueError:
        return None
    return value if str(value) == text.lower() else None
