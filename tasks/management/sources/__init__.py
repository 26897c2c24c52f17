"""Sources: the file formats of other systems, and their detection.

A source yields rows with the fields of `tasks.management.rows.FIELDS`. Other data is stored in the metadata, or is left
out and counted.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from core.files.foreign import Input, Notes
from tasks.management.sources import calendar, documents, tables

#: A row: its place in the file, and its fields or its error.
Row = tuple[int, dict[str, Any] | ValidationError]


@dataclass(frozen=True)
class Options:
    """Options of the command line for a file.

    Attributes:
        name: of the list, for sources whose ids are unique within one list only.
        mapped: name of a column → field.
        statuses: `key`s of the status names that the command line translates.
        notes: counts data that was left out or changed.
    """

    name: str
    mapped: Mapping[str, str] = field(default_factory=dict)
    statuses: Collection[str] = ()
    notes: Notes = field(default_factory=Notes)


@dataclass(frozen=True)
class Source:
    """Another system.

    Attributes:
        label: description of its file, as in "This looks like …".
        rows: reads a file.
    """

    label: str
    rows: Callable[[Input, Options], Iterator[Row]]


SOURCES = {
    "csv": Source("a table of tasks", tables.table_rows),
    "todoist": Source("a Todoist project", tables.todoist_rows),
    "trello": Source("a Trello board", documents.trello_rows),
    "github": Source("GitHub issues", documents.github_rows),
    "ical": Source("a calendar", calendar.rows),
    "jsonl": Source("a file of rows that failed", documents.own_rows),
}


def recognised(path: str, head: bytes) -> str | None:
    """Return the source whose files begin like this; None if it is unclear."""
    text = head.decode(errors="replace")
    begin = text.lstrip()
    if begin.upper().startswith("BEGIN:VCALENDAR"):
        return "ical"
    if begin.startswith(('{"line":', '{"source":')):
        return "jsonl"
    if begin[:1] in ("{", "["):
        if '"idBoard"' in text or ('"lists"' in text and '"cards"' in text) or '"idOrganization"' in text:
            return "trello"
        if ('"number"' in text or '"title"' in text) and ('"state"' in text or '"html_url"' in text):
            return "github"
        return None
    first = text.lstrip("\ufeff").partition("\n")[0].upper().replace('"', "")
    if first.startswith("TYPE,") and "CONTENT" in first:
        return "todoist"
    return "csv" if path.lower().endswith((".csv", ".tsv", ".txt")) or any(sign in first for sign in ",;\t") else None
