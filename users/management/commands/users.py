"""Users in and out, at the command line."""

import re
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError
from psycopg2.errors import UndefinedColumn, UndefinedTable

from core.auth import System
from core.errors import is_database_away
from core.files.foreign import Input, Notes, parsed_map
from core.files.import_run import begun
from core.files.messages import BadFile, Item, read_csv, read_jsonl
from core.files.progress import Counted, opened, progress
from users.management.exporting import export_users, written_whole
from users.management.files import CSV, IMPORT, JSON, JSONL, columns, format_of
from users.management.importing import Import
from users.management.sources import (
    MAPPED,
    SOURCES,
    fields_of,
    firebase,
    items,
    own_array,
    recognised,
    with_firebase_parameters,
    with_usermeta,
)
from users.queries import every_person, find_administrator

NOT_ALL, WRONG_USE = 1, 2


EXAMPLES = """
examples:
  manage.py users import users.csv
  manage.py users import realm-export.json --from keycloak --dry-run
  manage.py users import firebase.json --from firebase --firebase-parameters hash-config.txt
  manage.py users import people.csv --map "E-Mail"=email --map "Mobile"=phone --errors failed.jsonl
  manage.py users import failed.jsonl
"""
FIREBASE = {
    "signer_key": "base64_signer_key", "salt_separator": "base64_salt_separator", "rounds": "rounds",
    "memory_cost": "mem_cost",
}  # fmt: skip


class Command(BaseCommand):
    """By the same services as the doors, so the change log tells who it was: an administrator, or this command."""

    help = "Brings users in from a file, or writes them to one, with the password hashes that they have."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        bring = actions.add_parser(
            "import",
            help="bring users in from a file; run again after an interruption, it goes on where it was",
            description="Exit code 0: all rows are in; 1: not all of them; 2: wrong use, nothing was done.",
            epilog=EXAMPLES,
            formatter_class=RawDescriptionHelpFormatter,
        )
        write = actions.add_parser("export", help="write all users, as an import takes them")
        for action in (bring, write):
            action.add_argument("file", help="its path, or - for standard input or output")
            action.add_argument("--format", choices=(CSV, JSONL), help="default: by the file's name; of -, jsonl")
        bring.add_argument(
            "--errors", metavar="FILE", help="where rows that failed are reported (default: FILE.errors.jsonl)"
        )
        bring.add_argument(
            "--as", dest="administrator", metavar="EMAIL", help="the administrator who does it (default: the system)"
        )
        bring.add_argument("--from", dest="source", choices=SOURCES, help="the system that wrote the file")
        bring.add_argument(
            "--map", action="append", default=[], metavar="NAME=FIELD",
            help="a column of the file, or a dotted path in its JSON, and the field that it gives; repeatable",
        )  # fmt: skip
        bring.add_argument("--dry-run", action="store_true", help="check everything, and write no account")
        bring.add_argument("--send-resets", action="store_true", help="mail accounts without a password to set one")
        bring.add_argument(
            "--without-passwords", action="store_true", help="take no password over: all of them are set anew by mail"
        )
        bring.add_argument("--usermeta", metavar="FILE", help="WordPress' table wp_usermeta as CSV: names, language")
        bring.add_argument("--firebase-parameters", metavar="FILE", help="the project's hash_config, as text or JSON")
        for name, theirs in FIREBASE.items():
            bring.add_argument(f"--firebase-{name.replace('_', '-')}", metavar="VALUE", help=f"its {theirs}")
        write.add_argument("--with-password-hashes", action="store_true", help="so that they can log in elsewhere")
        bring.add_argument(
            "--with-password-hashes", action="store_true",
            help="rows that failed keep their hashes in the file of errors, so that it can be imported, once corrected",
        )  # fmt: skip

    def handle(self, *args: Any, action: str, file: str, **options: Any) -> None:
        try:
            if action == "import":
                self._import(file, options)
            else:
                self._export(file, _format_of(file, options["format"]), options["with_password_hashes"])
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

    def _import(self, path: str, options: Mapping[str, Any]) -> None:
        administrator = options["administrator"]
        actor: Any = System("users import")
        if administrator is not None:
            actor = find_administrator(administrator)
            if actor is None:
                raise CommandError(f"{administrator} is no administrator with an open account.", returncode=WRONG_USE)
        errors_path = Path(options["errors"] or f"{'stdin' if path == '-' else path}.errors.jsonl")
        if path != "-" and errors_path.resolve() == Path(path).resolve():
            raise CommandError("--errors names the file that is to be read.", returncode=WRONG_USE)
        notes = Notes()
        with opened(path) as file, progress("Importing", Path(path).stat().st_size if path != "-" else 0) as bar:
            counted = Counted(file, bar)
            rows = _read(path, counted, options, notes)
            begun = time.monotonic()
            run = Import(
                actor,
                rows,
                errors_path,
                counted.show,
                whole_rows=options["with_password_hashes"],
                send_resets=options["send_resets"],
                dry_run=options["dry_run"],
            )
            run.run()
        if options["dry_run"]:
            self.stdout.write("A dry run: no account was written.")
        self._tell_import(run, path, errors_path, time.monotonic() - begun)
        self._tell_notes(run, notes, options["send_resets"])
        self._fail_unless_all(run, path, errors_path)

    def _tell_import(self, run: Import, path: str, errors: Path, seconds: float) -> None:
        rows = run.outcome.through
        self.stdout.write(
            f"{rows} rows: {run.outcome.written} imported, {run.outcome.replayed} brought in before, "
            f"{run.failed} failed; {seconds:.1f} s, {rows / max(seconds, 0.001):,.0f} rows/s."
        )

    def _tell_notes(self, run: Import, notes: Notes, send_resets: bool) -> None:
        if notes:
            self.stdout.write(f"Left out, as it has no place here: {notes.summary()}.")
        if run.without_password:
            mailed = "each is mailed a token to set one" if send_resets else "they set one by RequestPasswordReset"
            self.stdout.write(f"{run.without_password} accounts have no password: {mailed}.")

    def _fail_unless_all(self, run: Import, path: str, errors: Path) -> None:
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
        with progress("Exporting", total) as bar, written_whole(path) as file:
            count = export_users(actor, file, file_format, with_password_hashes=with_password_hashes, done=bar.update)
        seconds = time.monotonic() - begun
        # Standard output may be the file.
        self.stderr.write(
            f"{count} users exported; {seconds:.1f} s, {count / max(seconds, 0.001):,.0f} users/s.", self.style.SUCCESS
        )


def _format_of(path: str, chosen: str | None) -> str:
    file_format = format_of(path, chosen)
    if file_format is None:
        raise CommandError(f"Which format is {path}? Say --format.", returncode=WRONG_USE)
    return file_format


def _read(path: str, file: Counted, options: Mapping[str, Any], notes: Notes) -> Iterator[Item]:
    """The file's rows.

    Raises:
        BadFile: it cannot be read.
    """
    mapped = fields_of(parsed_map(options["map"]))
    given = {name: options[f"firebase_{name}"] for name in FIREBASE}
    if options["firebase_parameters"]:
        given = firebase.parameters_in(Path(options["firebase_parameters"]).read_text(encoding="utf-8-sig"))
    parameters = firebase.parameters(given)
    name = options["source"]
    if name or mapped:
        source = SOURCES[name] if name else MAPPED
        if name == "firebase":
            if parameters is None and not options["without_passwords"]:
                raise BadFile(
                    "Firebase's passwords can be checked with the project's hash parameters only: give "
                    "--firebase-parameters, or --without-passwords."
                )
            source = with_firebase_parameters(parameters)
        if options["usermeta"]:
            if name != "wordpress":
                raise BadFile("--usermeta goes with --from wordpress.")
            with opened(options["usermeta"]) as table:
                source = with_usermeta(Input(Counted(table, None)), notes)
        rows = begun(items(source, Input(file), mapped, notes))
    else:
        rows = _own_rows(path, file, options["format"])
    return map(_without_password, rows) if options["without_passwords"] else rows


def _own_rows(path: str, file: Counted, chosen: str | None) -> Iterator[Item]:
    """The rows of a file in the form of our own export; one of another system's is recognised."""
    file_format = _format_of(path, chosen)
    begin = Input(file)
    system = recognised(begin.head)
    try:
        if file_format == CSV:
            return read_csv(IMPORT, columns(), BufferedReader(begin))
        if file_format == JSON:
            file_format = JSONL if not begin.head.lstrip().startswith(b"[") else JSON
        if system is None or _is_own(begin.head):
            return read_jsonl(IMPORT, BufferedReader(begin)) if file_format == JSONL else own_array(begin)
        raise BadFile("It is no file of users as they are exported here.")
    except BadFile as exc:
        if system is None:
            raise
        raise BadFile(f"{exc} This looks like {SOURCES[system].label}; say --from {system}.") from exc


def _is_own(head: bytes) -> bool:
    """Whether the first row has the form that `users export` writes, or that of a reported error."""
    return bool(re.match(rb'\s*\[?\s*\{\s*"(user|password_hash|request_id|line)"\s*:', head))


def _without_password(item: Item) -> Item:
    message: Any = item.message
    if not isinstance(message, ValidationError):
        message.password_hash = ""
    return item
