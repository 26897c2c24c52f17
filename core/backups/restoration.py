"""Restore a backup into an empty installation."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.apps import apps
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from core.backups import DUMP, BackupError, Report, dumps, manifest, stored_files
from core.backups.manifest import Manifest


def restore(backup: Path, report: Report) -> Manifest:
    """Verify a backup and restore it: the database in one transaction, and the files.

    Within the transaction, each app executes the statements of its `restore_statements`.

    Raises:
        BackupError: the backup is damaged or does not fit, the installation is in use or not empty, or the database
            refuses the dump; nothing has changed.
    """
    found = manifest.read(backup)
    _check_migrations(found)
    report(f"Verifying {len(found.files)} files, {found.total_bytes >> 20} MiB.")
    manifest.verify(backup, found, report)
    staged = stored_files.Staged(backup, found)
    with _reported_database():
        _check_target(found)
    staged.check_empty()
    try:
        report("Copying the files.")
        staged.copy(found, report)
        report("Restoring the database.")
        with dumps.restoring(backup / DUMP, found.postgresql, _statements(), report):
            staged.put()
    except BaseException:
        staged.remove()
        raise
    return found


def missing_migrations(found: Manifest) -> bool:
    """Return whether this version has migrations that the restored database does not have."""
    return bool(_known_migrations() - set(found.migrations))


def _check_migrations(found: Manifest) -> None:
    if unknown := set(found.migrations) - _known_migrations():
        raise BackupError(
            f"The backup was made by Tandem {found.version}, which is newer than this version (it has the migration "
            f"{min(unknown)}): restore it with that version."
        )


def _known_migrations() -> set[str]:
    loader = MigrationLoader(None)
    replaced = {name for migration in loader.disk_migrations.values() for name in migration.replaces}
    return {f"{app}.{name}" for app, name in {*loader.disk_migrations, *replaced}}


def _check_target(found: Manifest) -> None:
    version = dumps.server_version()
    if version < found.postgresql:
        raise BackupError(
            f"The backup was made with PostgreSQL {found.postgresql}, and this database is PostgreSQL {version}: "
            f"restore it into version {found.postgresql} or newer."
        )
    if sessions := dumps.other_sessions():
        raise BackupError(
            f"The database is in use by {sessions} other sessions: stop runweb, rungrpc, runworker and other clients."
        )
    if tables := dumps.table_count():
        place = connection.settings_dict.get("EMBEDDED", {}).get("data_dir")
        remedy = f"stop Tandem and move {place}/postgres away" if place else "name an empty database in DATABASE_URL"
        raise BackupError(f"The database is not empty, it has {tables} tables: {remedy}, and restore again.")


@contextmanager
def _reported_database() -> Iterator[None]:
    try:
        yield
    except DatabaseError as exc:
        raise BackupError(f"The database cannot be reached: {str(exc).strip()}") from exc
    finally:
        connection.close()


def _statements() -> list[str]:
    return [line for app in apps.get_app_configs() for line in getattr(app, "restore_statements", tuple)()]
