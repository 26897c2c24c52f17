"""`manage.py upgrade_database`: the embedded database to the installed major version of PostgreSQL."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.management.interrupts import interruptible
from embedded_postgres import binaries
from embedded_postgres.errors import EmbeddedDatabaseError
from embedded_postgres.upgrade import upgrade


class Command(BaseCommand):
    """The processes must not run."""

    help = "Upgrade the embedded database to the newest installed version of PostgreSQL. The processes must not run."
    # They may use the database, which cannot be started before the upgrade.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--programs",
            type=Path,
            metavar="FOLDER",
            help="the programs of the version that made the database, if the installed wheel does not have them",
        )

    def handle(self, *args: Any, programs: Path | None, **options: Any) -> None:
        if not settings.DATABASES["default"].get("EMBEDDED"):
            raise CommandError("DATABASE_URL names another PostgreSQL: upgrade it by its own means.")
        try:
            with interruptible("Interrupted: the database is as it was."):
                if programs:
                    binaries.add(programs.absolute())
                kept = upgrade(settings.DATA_DIR, self._report)
        except EmbeddedDatabaseError as exc:
            raise CommandError(str(exc)) from exc
        newest = binaries.newest()
        if kept is None:
            self.stdout.write(f"Nothing to do: the database is of PostgreSQL {newest}, or does not exist yet.")
        else:
            self.stdout.write(f"The database is of PostgreSQL {newest} now. Remove {kept} once you are content.")

    def _report(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
