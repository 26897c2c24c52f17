"""`manage.py backup`: a copy of the database and of the stored files."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.backups import BackupError
from core.backups.making import make
from core.management.interrupts import interruptible


class Command(BaseCommand):
    """The processes may serve during a backup."""

    help = "Back up the database and the stored files into a new folder, with checksums. The processes may serve."
    # It reads the database as it is.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="the folder to make; keep it private: it holds everything")

    def handle(self, *args: Any, path: Path, **options: Any) -> None:
        try:
            with interruptible("Interrupted: the unfinished backup was removed."):
                manifest = make(path, self._report)
        except BackupError as exc:
            raise CommandError(str(exc)) from exc
        for name, place in manifest.elsewhere.items():
            self.stderr.write(f"Not in the backup: the files of {name}, which are in {place}; back them up there.")
        self.stdout.write(f"Backup complete: {path}, {len(manifest.files)} files, {manifest.total_bytes:,} bytes.")

    def _report(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
