"""pg_dump, pg_restore and psql of the installed wheel, on the embedded database or that of DATABASE_URL."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.db import connection

from core.backups import BackupError, Report, disk_full
from embedded_postgres import binaries

_REPORT_EVERY_SECONDS = 5.0
_PIECE_BYTES = 1 << 20
_NO_ROOM = "No space left on device"
_SESSIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_TABLES = """
    SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm') AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
"""


def server_version() -> int:
    """Return the major version of the server."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        return int(cursor.fetchone()[0]) // 10_000


def _programs(version: int, *, same: bool) -> Path:
    """Return the folder of programs that can dump or restore a database of this major version.

    Args:
        same: prefer programs of this very version: a newer pg_dump may write options that only an old server accepts.

    Raises:
        BackupError: all that are installed are older.
    """
    newest = binaries.newest()
    found = binaries.of_version(version) if same or version > newest else None
    if found is None and version > newest:
        raise BackupError(
            f"The database is PostgreSQL {version}, and the installed programs are of version {newest}: "
            f"install the client programs of version {version} (Debian: postgresql-client-{version})."
        )
    return found or binaries.programs()[newest]


def other_sessions() -> int:
    """Return how many other sessions use the database."""
    with connection.cursor() as cursor:
        cursor.execute(_SESSIONS)
        return int(cursor.fetchone()[0])


def table_count() -> int:
    """Return how many tables and views the database has, without those of extensions."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        return int(cursor.fetchone()[0])


def migrations() -> list[str]:
    """Return the migrations that the database has, as `app.name`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT app || '.' || name FROM django_migrations ORDER BY 1")
        return [name for (name,) in cursor.fetchall()]


def dump(path: Path, version: int, report: Report) -> None:
    """Dump the database, and read the whole dump again, so that a backup that is complete can be restored.

    Args:
        version: the major version of the server.

    Raises:
        BackupError: pg_dump fails.
    """
    path.touch(mode=0o600)
    folder = _programs(version, same=True)
    options = ["--format=custom", "--no-owner", "--no-privileges", f"--file={path}"]
    _run(
        [str(folder / "pg_dump"), *options, *_place()],
        path=path,
        progress=lambda: report(f"Dumped {path.stat().st_size >> 20} MiB."),
    )
    again = [str(folder / "pg_restore"), f"--file={os.devnull}", str(path)]
    _run(again, path=path, progress=lambda: report("Reading the dump again."))


@contextmanager
def restoring(path: Path, version: int, statements: Sequence[str], report: Report) -> Iterator[None]:
    """Restore a dump in one transaction, which is committed after the block.

    Args:
        version: the major version of the server that was dumped.
        statements: executed at the end of the transaction.

    Raises:
        BackupError: the database refuses a statement; nothing of the dump is in it.
    """
    folder = _programs(version, same=False)
    with tempfile.TemporaryFile() as errors:
        options = ["--quiet", "--no-psqlrc", f"--output={os.devnull}", "--set=ON_ERROR_STOP=1"]
        command = [str(folder / "psql"), *options, *_place()]
        into = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=errors, env=_environment())  # noqa: S603
        script: IO[bytes] = into.stdin  # type: ignore[assignment]
        try:
            with _ended_without_commit(into, errors):
                script.write(b"BEGIN;\n")
                _copy_script(
                    [str(folder / "pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(path)], script, report
                )
                # The dump has emptied the search path.
                script.write("".join(["\nRESET search_path;\n", *(f"{line};\n" for line in statements)]).encode())
                script.flush()
                yield
                script.write(b"COMMIT;\n")
                script.close()
                if into.wait():
                    raise BrokenPipeError
        finally:
            # Without a COMMIT the server rolls the transaction back.
            into.kill()
            into.wait()


@contextmanager
def _ended_without_commit(into: subprocess.Popen[bytes], errors: IO[bytes]) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as exc:
        into.wait()
        raise BackupError(f"The database refused the dump, and holds nothing of it: {_first_line(errors)}") from exc


def _copy_script(command: Sequence[str], into: IO[bytes], report: Report) -> None:
    """Write the dump as SQL, which this pg_restore prints."""
    with tempfile.TemporaryFile() as errors:
        reader = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)  # noqa: S603 - the wheel's program
        script: IO[bytes] = reader.stdout  # type: ignore[assignment]
        try:
            done = reported = 0
            while piece := script.read(_PIECE_BYTES):
                # Programs of version 17 write this line for every server, and older servers refuse it.
                into.write(piece if done else piece.replace(b"SET transaction_timeout = 0;\n", b""))
                done += len(piece)
                if done - reported >= 64 * _PIECE_BYTES:
                    reported = done
                    report(f"Restored {done >> 20} MiB of SQL.")
            if reader.wait():
                raise BackupError(f"{command[-1]} cannot be read: {_first_line(errors)}")
        finally:
            reader.kill()
            script.close()
            reader.wait()


def _run(command: Sequence[str], *, path: Path, progress: Callable[[], None]) -> None:
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stderr=errors, stdin=subprocess.DEVNULL, env=_environment())  # noqa: S603
        try:
            while True:
                try:
                    status = process.wait(_REPORT_EVERY_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    progress()
        finally:
            process.kill()
            process.wait()
        if status:
            text = _first_line(errors)
            if _NO_ROOM in text:
                raise disk_full(path.parent)
            raise BackupError(f"{Path(command[0]).name} failed: {text}")


def _place() -> list[str]:
    """Return the arguments that name the database."""
    (_, *arguments), _ = connection.client.settings_to_cmd_args_env(connection.settings_dict, [])
    return arguments


def _environment() -> dict[str, str]:
    _, variables = connection.client.settings_to_cmd_args_env(connection.settings_dict, [])
    return binaries.client_environment(variables or {})


def _first_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read(10_000).decode(errors="replace").strip().splitlines()
    return lines[0] if lines else "it gave no reason."
