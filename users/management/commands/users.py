"""Users in and out, at the command line."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click
from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError
from psycopg2.errors import UndefinedColumn, UndefinedTable

from core.auth import System
from core.errors import is_database_away
from core.interchange import BadFile, read_csv, read_jsonl
from users.management.exporting import export_users, written_whole
from users.management.files import CSV, IMPORT, JSONL, columns, format_of
from users.management.importing import Import
from users.queries import every_person, find_administrator

NOT_ALL, WRONG_USE = 1, 2


class Command(BaseCommand):
    """By the same services as the doors, so the change log tells who it was: an administrator, or this command."""

    help = "Brings users in from a file, or writes them to one, with the password hashes that they have."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        bring = actions.add_parser(
            "import",
            help="bring users in from a file; run again after an interruption, it goes on where it was",
            description="Exit code 0: all rows are in; 1: not all of them; 2: wrong use, nothing was done.",
        )
        write = actions.add_parser("export", help="write all users, as an import takes them")
        for action in (bring, write):
            action.add_argument("file", help="its path, or - for standard input or output")
            action.add_argument("--format", choices=(CSV, JSONL), help="default: by the file's name; of -, jsonl")
        bring.add_argument(
            "--errors", metavar="FILE", help="where rows that failed are told (default: FILE.errors.jsonl)"
        )
        bring.add_argument(
            "--as", dest="administrator", metavar="EMAIL", help="the administrator who does it (default: the system)"
        )
        write.add_argument("--with-password-hashes", action="store_true", help="so that they can log in elsewhere")

    def handle(self, *args: Any, action: str, file: str, format: str | None, **options: Any) -> None:  # noqa: A002
        file_format = format_of(file, format)
        if file_format is None:
            raise CommandError(f"Which format is {file}? Say --format.", returncode=WRONG_USE)
        try:
            if action == "import":
                self._import(file, file_format, options["errors"], options["administrator"])
            else:
                self._export(file, file_format, options["with_password_hashes"])
        except OSError as exc:
            raise CommandError(f"{exc.filename or file}: {exc.strerror}.", returncode=WRONG_USE) from exc
        except BadFile as exc:
            raise CommandError(f"{file}: {exc}", returncode=WRONG_USE) from exc
        except ProgrammingError as exc:
            if not isinstance(exc.__cause__, UndefinedTable | UndefinedColumn):
                raise
            raise CommandError(
                "The database is not migrated: run manage.py migrate first.", returncode=WRONG_USE
            ) from exc
        except Exception as exc:
            if not is_database_away(exc):
                raise
            raise CommandError("The database is away; try again.", returncode=NOT_ALL) from exc

    def _import(self, path: str, file_format: str, errors: str | None, administrator: str | None) -> None:
        actor: Any = System("users import")
        if administrator is not None:
            actor = find_administrator(administrator)
            if actor is None:
                raise CommandError(f"{administrator} is no administrator with an open account.", returncode=WRONG_USE)
        errors_path = Path(errors or f"{'stdin' if path == '-' else path}.errors.jsonl")
        with _opened(path) as file, _progress("Importing", Path(path).stat().st_size if path != "-" else 0) as bar:
            counted = _Counted(file, bar)
            read = read_jsonl(IMPORT, counted) if file_format == JSONL else read_csv(IMPORT, columns(), counted)
            begun = time.monotonic()
            run = Import(read, file_format, errors_path, counted.show)
            run.run(actor)
        self._tell_import(run, path, errors_path, time.monotonic() - begun)

    def _tell_import(self, run: Import, path: str, errors: Path, seconds: float) -> None:
        rows = run.outcome.through
        self.stdout.write(
            f"{rows} rows: {run.outcome.written} imported, {run.outcome.replayed} brought in before, "
            f"{run.failed} failed; {seconds:.1f} s, {rows / max(seconds, 0.001):,.0f} rows/s."
        )
        told = [f"{path}: {run.stopped} Done up to line {run.line}; run it again to go on."] if run.stopped else []
        if run.failed:
            told.append(f"{run.failed} rows failed; {errors} says why.")
        if told:
            raise CommandError(" ".join(told), returncode=NOT_ALL)

    def _export(self, path: str, file_format: str, with_password_hashes: bool) -> None:
        actor = System("users export")
        begun = time.monotonic()
        # Counting a million rows takes a moment; only a bar needs it.
        total = every_person(actor).count() if sys.stderr.isatty() else 0
        with _progress("Exporting", total) as bar, written_whole(path) as file:
            count = export_users(actor, file, file_format, with_password_hashes=with_password_hashes, done=bar.update)
        seconds = time.monotonic() - begun
        # Standard output may be the file.
        self.stderr.write(
            f"{count} users exported; {seconds:.1f} s, {count / max(seconds, 0.001):,.0f} users/s.", self.style.SUCCESS
        )


class _Counted:
    """A file, how much of which was read the bar shows."""

    def __init__(self, file: BinaryIO, bar: Any) -> None:
        self._file = file
        self._bar = bar
        self._read = 0

    def readline(self, size: int) -> bytes:
        line = self._file.readline(size)
        self._read += len(line)
        return line

    def show(self) -> None:
        self._bar.update(self._read - self._bar.pos)


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    if path == "-":
        yield sys.stdin.buffer
        return
    with Path(path).open("rb") as file:
        yield file


def _progress(label: str, total: int) -> Any:
    """A bar on standard error, if that is a terminal and the total is known."""
    hidden = not (total and sys.stderr.isatty())
    return click.progressbar(length=total, label=label, file=sys.stderr, hidden=hidden)
