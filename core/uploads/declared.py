"""Checks of the size and the checksum that a client declares before it sends a file."""

import re

from core.errors import invalid


def check_declared(size: int, sha256: str) -> None:
    """Raise ValidationError unless the declared size (0 = none) and checksum (empty = none) are possible."""
    if size < 0:
        raise invalid("size", "range", "The size is negative.")
    if sha256 and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise invalid("sha256", "sha256", "Give the SHA-256 in 64 hexadecimal digits.")


def check_received(declared_size: int, declared_sha256: str, size: int, sha256: str) -> None:
    """Raise ValidationError if the received size or checksum differs from the declared one."""
    if declared_size not in (0, size):
        raise invalid("size", "mismatch", f"Expected {declared_size} bytes, received {size}.")
    if declared_sha256.lower() not in ("", sha256):
        raise invalid("sha256", "mismatch", "SHA-256 mismatch: the received data differs from the declared file.")
