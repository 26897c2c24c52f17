"""Make a backup."""

import shutil
import tempfile
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from core.backups import DUMP, BackupError, Report, dumps, reported_faults, stored_files
from core.backups.copying import checksum
from core.backups.manifest import Manifest, StoredFile


def make(target: Path, report: Report) -> Manifest:
    """Make a backup of the database and the stored files, while the processes serve.

    The database is dumped first, in one snapshot, so that every file that a row names is there when the files are
    copied, unless it was deleted since.

    Args:
        target: a folder that does not exist yet, or is empty.

    Raises:
        BackupError: the backup is not possible; nothing is left of it.
    """
    target = target.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BackupError(f"{target} is not empty: name a new folder.")
    with reported_faults(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".unfinished", dir=target.parent))
    try:
        manifest = _fill(unfinished, report)
        with reported_faults(target.parent):
            unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return manifest


def _fill(folder: Path, report: Report) -> Manifest:
    try:
        version, migrations = dumps.server_version(), dumps.migrations()
    except DatabaseError as exc:
        raise BackupError(f"The database cannot be read: {str(exc).strip()}.") from exc
    finally:
        connection.close()
    report("Dumping the database.")
    with reported_faults(folder):
        dumps.dump(folder / DUMP, version, report)
        dumped = StoredFile(DUMP, (folder / DUMP).stat().st_size, checksum(folder / DUMP))
    report("Copying the files.")
    copied = stored_files.copy_all(folder, report)
    manifest = Manifest(settings.VERSION, version, migrations, stored_files.elsewhere(), [dumped, *copied])
    with reported_faults(folder):
        manifest.write(folder)
    return manifest
