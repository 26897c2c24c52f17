"""The files of clients that belong to the rows of the database: complete ones, and uploads in progress."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.files.storage import storages

from core.backups import FILES, BackupError, Report, reported_faults
from core.backups.copying import copy
from core.backups.manifest import Manifest, StoredFile

STORAGES = ("recordings", "documents")
UPLOADS = "uploads"
_REPORT_EVERY_SECONDS = 2.0


def folders() -> dict[str, Path | None]:
    """Return the folder of each kind of files; None for a storage that is not a folder."""
    found: dict[str, Path | None] = {name: _folder(name) for name in STORAGES}
    return {**found, UPLOADS: settings.DATA_DIR / "media" / UPLOADS}


def elsewhere() -> dict[str, str]:
    """Return the storages that are not folders, and where their files are."""
    return {name: "object storage (RECORDINGS_STORAGE)" for name, folder in folders().items() if folder is None}


def copy_all(into: Path, report: Report) -> list[StoredFile]:
    """Copy all files into a backup. A file that is deleted concurrently is left out, as its row will be.

    Raises:
        BackupError: a file cannot be read or written.
    """
    copied = []
    reported = time.monotonic()
    for name, folder in folders().items():
        for path in _files(folder):
            relative = Path(FILES, name, path.relative_to(folder or path))
            with reported_faults(into):
                try:
                    size, sha256 = copy(path, into / relative)
                except FileNotFoundError:
                    continue
            copied.append(StoredFile(relative.as_posix(), size, sha256))
            if time.monotonic() - reported > _REPORT_EVERY_SECONDS:
                reported = time.monotonic()
                report(f"Copied {len(copied)} files, {sum(file.bytes for file in copied) >> 20} MiB.")
    return copied


class Staged:
    """Files of a backup beside their folders, until `put` moves them there; `remove` deletes them wherever they are."""

    def __init__(self, backup: Path, manifest: Manifest) -> None:
        self._backup = backup
        self._names = sorted({Path(file.path).parts[1] for file in manifest.files if file.path.startswith(f"{FILES}/")})
        self._targets: dict[str, Path] = {}
        for name in self._names:
            target = folders().get(name)
            if target is None:
                raise BackupError(
                    f"The backup holds files of {name}, and RECORDINGS_STORAGE names an object storage: restore "
                    "without RECORDINGS_STORAGE, and then copy the folders of media/ into the bucket."
                )
            self._targets[name] = target
        self._is_put = False

    def check_empty(self) -> None:
        """Raise BackupError if a folder already holds files."""
        for folder in filter(None, folders().values()):
            if next(_files(folder), None):
                raise BackupError(f"{folder} already holds files: move it away, and restore again.")

    def copy(self, manifest: Manifest, report: Report) -> None:
        """Copy the files beside their folders."""
        reported = time.monotonic()
        for number, file in enumerate(manifest.files):
            kind, _, rest = file.path.removeprefix(f"{FILES}/").partition("/")
            if not file.path.startswith(f"{FILES}/"):
                continue
            staged = _beside(self._targets[kind])
            with reported_faults(staged):
                if copy(self._backup / file.path, staged / rest) != (file.bytes, file.sha256):
                    raise BackupError(f"{self._backup / file.path} changed while it was restored: try again.")
            if time.monotonic() - reported > _REPORT_EVERY_SECONDS:
                reported = time.monotonic()
                report(f"Copied {number} of {len(manifest.files)} files.")

    def put(self) -> None:
        """Move the files to their folders, which are empty."""
        self._is_put = True
        for target in self._targets.values():
            with reported_faults(target):
                if target.exists():
                    target.rmdir()
                _beside(target).rename(target)

    def remove(self) -> None:
        """Delete the files."""
        for target in self._targets.values():
            _remove(_beside(target))
            if self._is_put:
                _remove(target)


def _folder(storage: str) -> Path | None:
    try:
        return Path(storages[storage].path(""))
    except NotImplementedError:
        return None


def _files(folder: Path | None) -> Iterator[Path]:
    if folder is not None and folder.is_dir():
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.restoring")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
