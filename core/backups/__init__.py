"""Backups of an installation: a dump of the database and the stored files, in a folder with checksums.

    <folder>/manifest.json       what the backup holds, with the size and SHA-256 of each file
    <folder>/database.dump       of pg_dump, in its custom format
    <folder>/files/<name>/…      stored files, by the name of their folder (`stored_files`)

A backup is made under another name and renamed when it is complete, so a folder of the given name is a whole backup. A
restore is one transaction of the database. (docs/decisions/0031-backups-as-dumps.md)
"""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

#: Receives a line of progress.
Report = Callable[[str], None]

DUMP = "database.dump"
FILES = "files"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class BackupError(Exception):
    """A backup or a restore is not possible; the message states why, and what to do."""


@contextmanager
def reported_faults(folder: Path) -> Iterator[None]:
    """Raise a BackupError for errors of the file system on this folder."""
    try:
        yield
    except OSError as exc:
        if exc.errno in _NO_ROOM:
            raise disk_full(folder) from exc
        raise BackupError(f"{exc.filename or folder}: {exc.strerror or exc}.") from exc


def disk_full(folder: Path) -> BackupError:
    """Return the error of a full disk."""
    return BackupError(f"The disk of {folder} is full: free some space, or name a folder on another disk.")
