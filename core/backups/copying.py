"""Copies of files and their checksums."""

import hashlib
import os
from pathlib import Path

_PIECE_BYTES = 1 << 20


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy(source: Path, target: Path) -> tuple[int, str]:
    """Copy a file, flushed to disk, and return the size and SHA-256 of what was copied.

    The source may grow while it is copied: sizes and checksums are those of the copy.
    """
    hashed = hashlib.sha256()
    size = 0
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with source.open("rb") as original, target.open("xb") as made:
        target.chmod(0o600)
        while piece := original.read(_PIECE_BYTES):
            made.write(piece)
            hashed.update(piece)
            size += len(piece)
        made.flush()
        os.fsync(made.fileno())
    return size, hashed.hexdigest()
