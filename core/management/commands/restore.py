"""`manage.py restore`: a backup into an empty installation."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.backups import BackupError
from core.backups.restoration import missing_migrations, restore
from core.management.interrupts import interruptible


class Command(BaseCommand):
    """The processes must not run."""

    help = "Verify a backup and restore it into an empty installation, whose processes do not run."
    # The database is empty.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="the folder that `manage.py backup` has made")

    def handle(self, *args: Any, path: Path, **options: Any) -> None:
        try:
            with interruptible("Interrupted: nothing was restored."):
                manifest = restore(path.absolute(), self._report)
        except BackupError as exc:
            raise CommandError(str(exc)) from exc
        for name, place in manifest.elsewhere.items():
            self.stderr.write(f"Not in the backup: the files of {name}, which were in {place}.")
        self.stdout.write(f"Restored the backup of {manifest.made_at}. All cursors are invalid; clients start over.")
        if missing_migrations(manifest):
            self.stdout.write("This version of Tandem is newer than the backup: run manage.py migrate.")

    def _report(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
