"""Ids: UUID version 7 (RFC 9562), whose order is that of their making."""

import os
import time
import uuid


def uuid7() -> uuid.UUID:
    """A new UUIDv7: 48 bits of Unix milliseconds, 12 bits of the millisecond's fraction, 62 random bits.

    The fraction stands in `rand_a` (RFC 9562, 6.2, method 3), so that ids made by one process within a millisecond keep
    their order as well as its clock does.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | random)


def parsed(sent: str) -> uuid.UUID | None:
    """The UUID that a client wrote in its canonical form, in either case; None when it is not one."""
    if len(sent) != 36:
        return None
    try:
        value = uuid.UUID(sent)
    except ValueError:
        return None
    return value if str(value) == sent.lower() else None
