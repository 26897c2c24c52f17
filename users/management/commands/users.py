"""`manage.py users`: import and export users."""

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

from core.actors import Actor
from core.auth import System
from core.files.foreign import Input, Notes, parsed_map
from core.files.import_run import NOT_ALL, WRONG_USE, command_errors, path_of_errors, read_first
from core.files.messages import BadFile, Item, read_csv, read_jsonl
from core.files.progress import Counted, opened, progress
from users.management.exporting import atomic_file, export_users
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
    """Imports and exports users with the same services as the transports.

    The change log names the administrator, or this command, as the actor.
    """

    help = "Import users from a file with their password hashes, or export them to one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        importer = actions.add_parser(
            "import",
            help="import users from a file; after an interruption, run it again to continue",
            description="Exit code 0: all rows were imported; 1: some were not; 2: invalid use, nothing was done.",
            epilog=EXAMPLES,
            formatter_class=RawDescriptionHelpFormatter,
        )
        exporter = actions.add_parser("export", help="export all users to a file that an import can read")
        for action in (importer, exporter):
            action.add_argument("file", help="path of the file, or - for standard input or output")
            action.add_argument(
                "--format", choices=(CSV, JSONL), help="format of the file (default: by its suffix; jsonl for -)"
            )
        importer.add_argument("--errors", metavar="FILE", help="file for rejected rows (default: FILE.errors.jsonl)")
        importer.add_argument(
            "--as", dest="administrator", metavar="EMAIL", help="administrator who imports (default: the system)"
        )
        importer.add_argument("--from", dest="source", choices=SOURCES, help="system that exported the file")
        importer.add_argument(
            "--map", action="append", default=[], metavar="NAME=FIELD",
            help="import this column, or dotted path in JSON, as this field; repeatable",
        )  # fmt: skip
        importer.add_argument("--dry-run", action="store_true", help="check all rows, but write no account")
        importer.add_argument("--send-resets", action="store_true", help="mail a token to accounts without a password")
        importer.add_argument(
            "--without-passwords", action="store_true", help="import no passwords, so that users set new ones by mail"
        )
        importer.add_argument(
            "--usermeta", metavar="FILE", help="WordPress' table wp_usermeta as CSV, for names and languages"
        )
        importer.add_argument(
            "--firebase-parameters", metavar="FILE", help="file with the project's hash_config, as text or JSON"
        )
        for name, parameter in FIREBASE.items():
            importer.add_argument(
                f"--firebase-{name.replace('_', '-')}", metavar="VALUE", help=f"{parameter} of the hash_config"
            )
        exporter.add_argument("--with-password-hashes", action="store_true", help="export password hashes")
        importer.add_argument(
            "--with-password-hashes", action="store_true",
            help="keep the hashes of rejected rows in the file of errors, so that it can be corrected and imported",
        )  # fmt: skip

    def handle(self, *args: Any, action: str, file: str, **options: Any) -> None:
        with command_errors(file):
            if action == "import":
                self._import(file, options)
            else:
                self._export(file, _format_of(file, options["format"]), options["with_password_hashes"])

    def _import(self, path: str, options: Mapping[str, Any]) -> None:
        administrator = options["administrator"]
        actor: Actor = System("users import")
        if administrator is not None:
            found = find_administrator(administrator)
            if found is None:
                raise CommandError(
                    f"{administrator} is not an administrator with an active account.", returncode=WRONG_USE
                )
            actor = found
        errors_path = path_of_errors(path, options["errors"])
        notes = Notes()
        with opened(path) as file, progress("Importing", Path(path).stat().st_size if path != "-" else 0) as bar:
            counted = Counted(file, bar)
            rows = _read(path, counted, options, notes)
            start = time.monotonic()
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
            self.stdout.write("Dry run: no account was written.")
        self._print_totals(run, time.monotonic() - start)
        self._print_notes(run, notes, options["send_resets"])
        self._fail_unless_all(run, path, errors_path)

    def _print_totals(self, run: Import, seconds: float) -> None:
        rows = run.outcome.through
        self.stdout.write(
            f"{rows} rows: {run.outcome.written} imported, {run.outcome.replayed} imported before, "
            f"{run.failed} failed; {seconds:.1f} s, {rows / max(seconds, 0.001):,.0f} rows/s."
        )

    def _print_notes(self, run: Import, notes: Notes, send_resets: bool) -> None:
        if notes:
            self.stdout.write(f"Omitted, because an account has no field for it: {notes.summary()}.")
        if run.without_password:
            remedy = "each is mailed a token to set one" if send_resets else "users set one with RequestPasswordReset"
            self.stdout.write(f"{run.without_password} accounts have no password; {remedy}.")

    def _fail_unless_all(self, run: Import, path: str, errors: Path) -> None:
        problems = []
        if run.stopped:
            problems.append(f"{path}: {run.stopped} Completed up to line {run.line}; run it again to continue.")
        if run.failed:
            problems.append(f"{run.failed} rows failed; see {errors}.")
        if problems:
            raise CommandError(" ".join(problems), returncode=NOT_ALL)

    def _export(self, path: str, file_format: str, with_password_hashes: bool) -> None:
        actor = System("users export")
        start = time.monotonic()
        # Counting a million rows takes a while, and only a progress bar needs the total.
        total = every_person(actor).count() if sys.stderr.isatty() else 0
        with progress("Exporting", total) as bar, atomic_file(path) as file:
            count = export_users(actor, file, file_format, with_password_hashes=with_password_hashes, done=bar.update)
        seconds = time.monotonic() - start
        # Standard output may be the exported file.
        self.stderr.write(
            f"{count} users exported; {seconds:.1f} s, {count / max(seconds, 0.001):,.0f} users/s.", self.style.SUCCESS
        )


def _format_of(path: str, chosen: str | None) -> str:
    file_format = format_of(path, chosen)
    if file_format is None:
        raise CommandError(f"The format of {path} is unknown; give --format.", returncode=WRONG_USE)
    return file_format


def _read(path: str, file: Counted, options: Mapping[str, Any], notes: Notes) -> Iterator[Item]:
    """Return the rows of the file.

    Raises:
        BadFile: the file cannot be read.
    """
    mapped = fields_of(parsed_map(options["map"]))
    values = {name: options[f"firebase_{name}"] for name in FIREBASE}
    if options["firebase_parameters"]:
        values = firebase.parameters_in(Path(options["firebase_parameters"]).read_text(encoding="utf-8-sig"))
    parameters = firebase.parameters(values)
    name = options["source"]
    if name or mapped:
        source = SOURCES[name] if name else MAPPED
        if name == "firebase":
            if parameters is None and not options["without_passwords"]:
                raise BadFile(
                    "Firebase's passwords can only be checked with the project's hash parameters; give "
                    "--firebase-parameters or --without-passwords."
                )
            source = with_firebase_parameters(parameters)
        if options["usermeta"]:
            if name != "wordpress":
                raise BadFile("--usermeta requires --from wordpress.")
            with opened(options["usermeta"]) as table:
                source = with_usermeta(Input(Counted(table, None)), notes)
        rows = read_first(items(source, Input(file), mapped, notes))
    else:
        rows = _own_rows(path, file, options["format"])
    return map(_without_password, rows) if options["without_passwords"] else rows


def _own_rows(path: str, file: Counted, chosen: str | None) -> Iterator[Item]:
    """Return the rows of a file in the format of our export. For another system's file, the error names the system."""
    file_format = _format_of(path, chosen)
    start = Input(file)
    system = recognised(start.head)
    try:
        if file_format == CSV:
            return read_csv(IMPORT, columns(), BufferedReader(start))
        if file_format == JSON:
            file_format = JSONL if not start.head.lstrip().startswith(b"[") else JSON
        if system is None or _is_own(start.head):
            return read_jsonl(IMPORT, BufferedReader(start)) if file_format == JSONL else own_array(start)
        raise BadFile("The file is not an export of users by this program.")
    except BadFile as exc:
        if system is None:
            raise
        raise BadFile(f"{exc} This looks like {SOURCES[system].label}; give --from {system}.") from exc


def _is_own(head: bytes) -> bool:
    """Return whether the first row has the form that `users export` writes, or that of a rejected row."""
    return bool(re.match(rb'\s*\[?\s*\{\s*"(user|password_hash|request_id|line)"\s*:', head))


def _without_password(item: Item) -> Item:
    message: Any = item.message
    if not isinstance(message, ValidationError):
        message.password_hash = ""
    return item
