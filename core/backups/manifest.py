"""The manifest of a backup: where it comes from, and a checksum of each of its files."""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.backups import BackupError, Report, reported_faults
from core.backups.copying import checksum

NAME = "manifest.json"
#: Of the layout of the folder; a later version of the product may read older ones.
FORMAT = 1
_REPORT_EVERY_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the backup.

    Attributes:
        path: relative to the backup's folder.
    """

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A backup's contents.

    Attributes:
        version: of the product.
        postgresql: the major version of the server.
        migrations: that the database has, as `app.name`.
        elsewhere: storages whose files are not in the backup, and where they are.
    """

    version: str
    postgresql: int
    migrations: list[str]
    elsewhere: dict[str, str]
    files: list[StoredFile]
    made_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    format: int = FORMAT

    @property
    def total_bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    def write(self, folder: Path) -> None:
        """Write the manifest into the backup's folder."""
        (folder / NAME).write_text(json.dumps(asdict(self), indent=1) + "\n")


def read(folder: Path) -> Manifest:
    """Read the manifest of a backup.

    Raises:
        BackupError: the folder is not a backup, or one of a later version.
    """
    if not (folder / NAME).is_file():
        raise BackupError(f"{folder} is not a backup: it has no {NAME}. (An interrupted backup has none.)")
    with reported_faults(folder):
        text = (folder / NAME).read_text()
    try:
        values: dict[str, Any] = json.loads(text)
        if values["format"] > FORMAT:
            raise BackupError(
                f"{folder} was made by Tandem {values['version']}, in a form that this version does not know: "
                "restore it with that version."
            )
        return Manifest(**{**values, "files": [StoredFile(**file) for file in values["files"]]})
    except (ValueError, KeyError, TypeError) as exc:
        raise BackupError(f"{folder / NAME} is damaged: use another backup.") from exc


def verify(folder: Path, manifest: Manifest, report: Report) -> None:
    """Compare every file of the backup with its checksum.

    Raises:
        BackupError: a file is missing or differs.
    """
    done = reported = 0
    for file in manifest.files:
        path = folder / file.path
        if not path.resolve().is_relative_to(folder.resolve()):
            raise BackupError(f"{folder / NAME} names a file outside of the backup: {file.path}.")
        if not path.is_file():
            raise BackupError(f"{path} is missing: the backup is incomplete, use another one.")
        with reported_faults(folder):
            if path.stat().st_size != file.bytes or checksum(path) != file.sha256:
                raise BackupError(f"{path} differs from its checksum: the backup is damaged, use another one.")
        done += file.bytes
        if done - reported >= _REPORT_EVERY_BYTES:
            reported = done
            report(f"Verified {done >> 20} of {manifest.total_bytes >> 20} MiB.")
