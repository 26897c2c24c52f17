"""`manage.py backup` and `restore`: what they hold, what they refuse, and that nothing half remains."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from changes.models import Head
from core.backups import BackupError
from core.backups.restoration import restore
from tests.support.databases import server_cursor
from tests.support.factories import TaskFactory
from tests.support.servers import ROOT, database_url, until
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def empty_database() -> Iterator[str]:
    """Create a database without tables, and return its URL."""
    url = database_url()
    name = f"{url.rpartition('/')[2]}_restored"
    with server_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}"')
    try:
        yield f"{url.rpartition('/')[0]}/{name}"
    finally:
        with server_cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def variables(url: str, data_dir: Path) -> dict[str, str]:
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true", "DATABASE_URL": url}
    return {**os.environ, **settings, "TANDEM_DATA_DIR": str(data_dir)}


def manage(url: str, data_dir: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env=variables(url, data_dir), capture_output=True, text=True, check=False, timeout=120
    )


@contextmanager
def session(url: str) -> Iterator[Any]:
    """Yield a cursor in this database."""
    other = connection.copy()
    other.settings_dict = {**other.settings_dict, "NAME": url.rpartition("/")[2]}
    try:
        with other.cursor() as cursor:
            yield cursor
    finally:
        other.close()


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with session(url) as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


def files_under(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    media = tmp_path / "source/media"
    for name, content in (("recordings/a", b"sound"), ("documents/inner/b", b"%PDF"), ("uploads/c.part", b"par")):
        (media / name).parent.mkdir(parents=True)
        (media / name).write_bytes(content)
    return media.parent


@pytest.fixture
def backup(data_dir: Path, tmp_path: Path) -> Path:
    TaskFactory(title="Kept")
    done = manage(database_url(), data_dir, "backup", tmp_path / "backup")
    assert done.returncode == 0, done.stderr
    assert re.search(r"Dumping the database\.\nCopying the files\.\nBackup complete: .*, 4 files, ", done.stdout)
    return tmp_path / "backup"


def refusal(backup: Path) -> str:
    with pytest.raises(BackupError) as raised:
        restore(backup, lambda line: None)
    return str(raised.value)


def test_a_restored_installation_has_the_rows_and_files_and_a_new_epoch(
    backup: Path, data_dir: Path, tmp_path: Path
) -> None:
    epoch = Head.objects.get().epoch if Head.objects.exists() else None
    with empty_database() as url:
        done = manage(url, tmp_path / "target", "restore", backup)
        assert done.returncode == 0, done.stderr
        assert "All cursors are invalid" in done.stdout
        assert rows(url, "SELECT title FROM tasks_task") == [("Kept",)]
        assert all(str(found) != str(epoch) for (found,) in rows(url, "SELECT epoch FROM changes_head"))
        assert files_under(tmp_path / "target/media") == files_under(data_dir / "media")
        verified = manage(url, tmp_path / "target", "changes", "verify")
        assert "Change log OK" in verified.stdout, verified.stderr
        again = manage(url, tmp_path / "target", "restore", backup)
        assert again.returncode == 1
        assert re.search(r"The database is not empty, it has \d+ tables: name an empty database", again.stderr)
        assert "Traceback" not in again.stderr


def test_a_refused_restore_leaves_neither_rows_nor_files(backup: Path, tmp_path: Path) -> None:
    with empty_database() as url:
        with session(url) as cursor:
            # It collides with a table, in the middle of the dump.
            cursor.execute("CREATE TYPE public.tasks_task AS (a int)")
            in_use = manage(url, tmp_path / "target", "restore", backup)
            assert "The database is in use by 1 other sessions: stop runweb" in in_use.stderr
        done = manage(url, tmp_path / "target", "restore", backup)
        assert done.returncode == 1
        assert "The database refused the dump, and holds nothing of it: ERROR" in done.stderr
        assert rows(url, TABLES) == [(0,)]
        assert files_under(tmp_path / "target/media") == {}


def test_damaged_and_foreign_backups_are_refused(backup: Path) -> None:
    manifest = json.loads((backup / "manifest.json").read_text())
    (backup / "files/recordings/a").write_bytes(b"sounD")
    assert "files/recordings/a differs from its checksum: the backup is damaged" in refusal(backup)
    (backup / "files/recordings/a").unlink()
    assert "files/recordings/a is missing: the backup is incomplete" in refusal(backup)
    changes = {
        "made by Tandem 99.0, which is newer than this version": {
            "version": "99.0",
            "migrations": [*manifest["migrations"], "tasks.9999_next"],
        },
        "in a form that this version does not know": {"format": 2},
        "names a file outside of the backup": {"files": [{"path": "../x", "bytes": 1, "sha256": ""}]},
        "manifest.json is damaged": {"files": [{"name": "x"}]},
    }
    for sentence, change in changes.items():
        (backup / "manifest.json").write_text(json.dumps({**manifest, **change}))
        assert sentence in refusal(backup)
    assert "is not a backup: it has no manifest.json" in refusal(backup.parent)
    (backup / "manifest.json").write_text(json.dumps({**manifest, "postgresql": 99, "files": []}))
    assert "was made with PostgreSQL 99, and this database is PostgreSQL" in refusal(backup)


def test_an_interrupted_backup_leaves_nothing(data_dir: Path, tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "backup", str(tmp_path / "backup")]
    url = database_url()
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"LOCK TABLE {User._meta.db_table}")  # pg_dump waits for it.
        process = subprocess.Popen(
            command, cwd=ROOT, env=variables(url, data_dir), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            until(lambda: list(tmp_path.glob(".backup.*/database.dump")), "pg_dump has begun")
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
            cursor.execute("ROLLBACK")
    assert (process.returncode, errors) == (130, "CommandError: Interrupted: the unfinished backup was removed.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
    connections.close_all()


@pytest.mark.tools("unshare", "mount")
def test_a_full_disk_is_named(data_dir: Path, tmp_path: Path) -> None:
    (data_dir / "media/recordings/big").write_bytes(bytes(3 << 20))
    disk = tmp_path / "disk"
    disk.mkdir()
    backup = f"mount -t tmpfs -o size=2m none {disk} && {sys.executable} manage.py backup {disk}/backup; ls -A {disk}"
    done = subprocess.run(
        ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount", "sh", "-c", backup],
        cwd=ROOT, env=variables(database_url(), data_dir), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert f"The disk of {disk}" in done.stderr, done.stderr
    assert "is full: free some space" in done.stderr
    assert "backup" not in done.stdout.splitlines()[-1:]
