"""Command-line import of tasks."""

import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from core.auth import System
from core.db import ids
from core.files.foreign import Input, Notes, key, parsed_map, records_of_table, table
from core.files.import_run import NOT_ALL, WRONG_USE, command_errors, path_of_errors, read_first
from core.files.messages import BadFile, Item
from core.files.progress import Counted, opened, progress
from projects.models import Project
from tasks.management import dates
from tasks.management.importing import Import
from tasks.management.rows import People, Reader
from tasks.management.sources import SOURCES, Options, Row, recognised
from tasks.models import Priority, Status
from tasks.services.imports import Fate
from users.models import User
from users.queries import find_administrator

_MAX_NAME_LENGTH = 80
EXAMPLES = """
examples:
  manage.py tasks import board.json --from trello --as admin@example.com
  manage.py tasks import Home.csv --from todoist --time-zone Europe/Berlin
  gh issue list --state all --limit 1000 --json number,title,body,state,stateReason,labels,assignees,author,createdAt,\\
closedAt,milestone,url | manage.py tasks import - --from github --users people.csv
  manage.py tasks import list.csv --from csv --map "What"=title --status "In QA"=in_progress --dry-run
"""


class Command(BaseCommand):
    """Uses the same services as the transports. The change log names the actor: an administrator, or this command."""

    help = "Import tasks from a file of another system. A repeated import updates what has changed there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        bring = actions.add_parser(
            "import",
            help="import tasks from a file; a repeated import updates what has changed there since",
            description="Exit code 0: all rows were imported; 1: some rows were not; 2: wrong usage, nothing was done.",
            epilog=EXAMPLES,
            formatter_class=RawDescriptionHelpFormatter,
        )
        bring.add_argument("file", help="path of the file, or - for standard input")
        bring.add_argument("--from", dest="source", choices=SOURCES, help="the system that wrote the file")
        bring.add_argument(
            "--map", action="append", default=[], metavar="NAME=FIELD",
            help="assign a column of a CSV file to a field, or to metadata.NAME; repeatable",
        )  # fmt: skip
        bring.add_argument(
            "--status", action="append", default=[], metavar="NAME=STATUS",
            help="translate a status or a Trello list to todo, in_progress, done or cancelled; repeatable",
        )  # fmt: skip
        bring.add_argument(
            "--priority", action="append", default=[], metavar="NAME=PRIORITY",
            help="translate a priority to low, medium, high or critical; repeatable",
        )  # fmt: skip
        bring.add_argument(
            "--users", metavar="FILE", help="a CSV file with the columns name and email, to resolve names"
        )
        bring.add_argument(
            "--as", dest="administrator", metavar="EMAIL", help="import as this administrator (default: the system)"
        )
        bring.add_argument(
            "--time-zone", metavar="NAME",
            help="time zone of days and of times without an offset (default: the administrator's, else UTC)",
        )  # fmt: skip
        bring.add_argument(
            "--list",
            metavar="NAME",
            help="name of the list, for sources whose ids are unique within one list only (default: the file's name)",
        )
        bring.add_argument("--project", metavar="ID", help="put the tasks into this project (default: into none)")
        bring.add_argument("--dry-run", action="store_true", help="check all rows, and write no task")
        bring.add_argument("--errors", metavar="FILE", help="file for rejected rows (default: FILE.errors.jsonl)")

    def handle(self, *args: Any, action: str, file: str, **options: Any) -> None:
        with command_errors(file):
            self._import(file, options)

    def _import(self, path: str, options: Mapping[str, Any]) -> None:
        importer: User | None = None
        if options["administrator"] is not None:
            importer = find_administrator(options["administrator"])
            if importer is None:
                raise CommandError(
                    f"{options['administrator']} is not an administrator with an open account.", returncode=WRONG_USE
                )
        errors_path = path_of_errors(path, options["errors"])
        notes = Notes()
        reader = _reader(importer, options, notes)
        with opened(path) as file, progress("Importing", Path(path).stat().st_size if path != "-" else 0) as bar:
            counted = Counted(file, bar)
            items = _items(path, Input(counted), options, notes)
            start = time.monotonic()
            run = Import(
                importer or System("tasks import"),
                items,
                reader,
                errors_path,
                counted.show,
                dry_run=options["dry_run"],
            )
            run.run()
        self._report(run, notes, time.monotonic() - start, dry_run=options["dry_run"])
        messages = (
            [f"{path}: {run.stopped} Imported up to row {run.line}; run the command again to continue."]
            if run.stopped
            else []
        )
        if run.failed:
            messages.append(f"{run.failed} rows failed; see {errors_path}.")
        if messages:
            raise CommandError(" ".join(messages), returncode=NOT_ALL)

    def _report(self, run: Import, notes: Notes, seconds: float, *, dry_run: bool) -> None:
        if dry_run:
            self.stdout.write("Dry run: no task was written.")
        rows = run.outcome.through
        fates = run.fates
        self.stdout.write(
            f"{rows} rows: {fates[Fate.CREATED]} created, {fates[Fate.UPDATED]} updated, {fates[Fate.UNCHANGED]} "
            f"unchanged, {run.failed} failed; {seconds:.1f} s, {rows / max(seconds, 0.001):,.0f} rows/s."
        )
        if fates[Fate.DELETED]:
            self.stdout.write(
                f"{fates[Fate.DELETED]} were deleted here after an earlier import, and were not imported again."
            )
        if notes:
            self.stdout.write(f"Left out or changed: {notes.summary()}.")


def _reader(importer: User | None, options: Mapping[str, Any], notes: Notes) -> Reader:
    """Return the reader of rows. Raises BadFile if an option is invalid."""
    zone_name = options["time_zone"] or (importer.timezone if importer else "") or "UTC"
    zone = dates.time_zone(zone_name)
    if zone is None:
        raise BadFile(f"Unknown time zone {zone_name}; give a name such as Europe/Berlin.")
    people = People(_emails(options["users"]), importer, notes)
    statuses = _meanings("--status", options["status"], Status)
    priorities = _meanings("--priority", options["priority"], Priority)
    return Reader(people, notes, zone, statuses, priorities, _project_id(options["project"]))


def _project_id(text: str | None) -> UUID | None:
    """Return the id of the project that `--project` names. Raises BadFile if no task can be put into it."""
    if text is None:
        return None
    wanted = ids.parsed(text)
    project = Project.objects.filter(pk=wanted).first() if wanted else None
    if project is None:
        raise BadFile(f"--project: there is no project with the ID {text}.")
    if project.is_archived:
        raise BadFile("--project: the project is archived; unarchive it first.")
    return UUID(str(project.pk))


def _meanings(option: str, pairs: list[str], choices: Any) -> dict[str, Any]:
    names = {choice.name.lower(): choice for choice in choices}
    found = {}
    for name, choice in parsed_map(pairs, option).items():
        if choice not in names:
            raise BadFile(f"{option}: choose one of {', '.join(names)}.")
        found[key(name)] = names[choice]
    return found


def _emails(path: str | None) -> dict[str, str]:
    """Return e-mail addresses by name, from the file that `--users` names."""
    if path is None:
        return {}
    with opened(path) as file:
        found = {}
        for record in records_of_table(table(Input(Counted(file, None)), Notes())):
            values = {key(name): value for name, value in record.values.items()}
            if "name" not in values or "email" not in values:
                raise BadFile(f"{path} needs the columns name and email.")
            found[values["name"]] = values["email"]
        return found


def _items(path: str, file: Input, options: Mapping[str, Any], notes: Notes) -> Iterator[Item]:
    """Yield the items of the file. Raises BadFile if its system is unknown, or is not the given one."""
    likely = recognised(path, file.head)
    name = options["source"] or ("jsonl" if likely == "jsonl" else None)
    if name is None:
        if likely is None:
            raise BadFile(f"The file's format is not recognised; give --from with one of {', '.join(SOURCES)}.")
        raise BadFile(f"This looks like {SOURCES[likely].label}; give --from {likely}.")
    listed = options["list"] or ("stdin" if path == "-" else Path(path).stem)
    asked = Options(
        name=listed[:_MAX_NAME_LENGTH],
        mapped=parsed_map(options["map"]),
        statuses=_meanings("--status", options["status"], Status).keys(),
        notes=notes,
    )
    rows = SOURCES[name].rows(file, asked)
    return read_first(
        Item(place, row, {} if isinstance(row, ValidationError) else row)  # type: ignore[arg-type]
        for place, row in _checked(rows, SOURCES[name].label)
    )


def _checked(rows: Iterator[Row], label: str) -> Iterator[Row]:
    """Yield the rows. Raises BadFile if a part of the file does not have the form of its source."""
    place = 0
    try:
        for place, row in rows:
            yield place, row
    except (AttributeError, LookupError, TypeError, ValueError) as exc:
        raise BadFile(f"The data after row {place} is not a part of {label}.") from exc
