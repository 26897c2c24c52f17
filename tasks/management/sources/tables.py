"""Tables of tasks: any CSV file, and exports of Todoist."""

import datetime
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from core.files.foreign import Input, key, records_of_table, table
from core.files.messages import BadFile
from tasks.management import dates

if TYPE_CHECKING:
    from tasks.management.sources import Options, Row

#: `key` of a column's name in any table → field.
COLUMNS = {
    **dict.fromkeys(("id", "externalid", "key", "number", "taskid", "issuekey", "uid"), "external_id"),
    **dict.fromkeys(("title", "task", "name", "summary", "subject", "content", "taskname", "todo"), "title"),
    **dict.fromkeys(("description", "notes", "note", "details", "body", "text"), "description"),
    **dict.fromkeys(("status", "state", "done", "completed", "iscompleted", "section", "sectioncolumn"), "status"),
    **dict.fromkeys(("priority", "importance"), "priority"),
    **dict.fromkeys(("labels", "label", "tags", "tag", "categories", "category"), "labels"),
    **dict.fromkeys(("duedate", "due", "deadline", "dueon", "dueby"), "due_date"),
    **dict.fromkeys(("createdat", "created", "createdon", "creationdate", "createddate"), "created_at"),
    **dict.fromkeys(
        ("completedat", "completedon", "completeddate", "closedat", "resolved", "donedate"), "completed_at"
    ),
    **dict.fromkeys(("createdby", "creator", "author", "reporter"), "created_by"),
    **dict.fromkeys(("assignedto", "assignee", "assigneeemail", "owner", "responsible"), "assigned_to"),
}
FIELDS = {
    "external_id", "title", "description", "status", "priority", "labels", "due_date", "created_at", "completed_at",
    "created_by", "assigned_to",
}  # fmt: skip
_PEOPLE = re.compile(r"\s*\(\d+\)$")
_LABEL = re.compile(r"(?<!\S)@([^\s@]+)")
_TODOIST_PRIORITIES = {"1": "critical", "2": "high", "3": "medium", "4": "low"}


def table_rows(file: Input, options: "Options") -> Iterator["Row"]:
    """Yield the rows of any table. A row without an id is identified by its title and its number among equal titles."""
    source, seen = f"csv/{options.name}", Counter[str]()
    fields: dict[str, str] | None = None
    for record in records_of_table(table(file, options.notes, any_encoding=True)):
        if record.problem is not None:
            yield record.place, record.problem
            continue
        if fields is None:
            fields = _fields(record.values, options)
        row: dict[str, Any] = {"source": source, "metadata": {}}
        for name, value in record.values.items():
            field = fields.get(name)
            if field is None:
                if value.strip():
                    options.notes[name] += 1
            elif field.startswith("metadata."):
                row["metadata"][field.removeprefix("metadata.")] = value
            elif value.strip() or not row.get(field):
                row[field] = value.strip()
        if not row.get("external_id"):
            row["external_id"] = _known_by(row.get("title", ""), seen)
        yield record.place, row


def _fields(values: dict[str, Any], options: "Options") -> dict[str, str]:
    """Return fields by names of columns. If two columns match one field, the first is used."""
    for name, field in options.mapped.items():
        if name not in values:
            raise BadFile(f"The file has no column {name!r}, which --map names.")
        if field not in FIELDS and not field.startswith("metadata."):
            raise BadFile(f"Unknown field {field}. Fields are: {', '.join(sorted(FIELDS))}, metadata.NAME.")
    fields = dict(options.mapped)
    for name in values:
        known = COLUMNS.get(key(name))
        if name not in fields and known and known not in fields.values():
            fields[name] = known
    if "title" not in fields.values():
        raise BadFile("No column is recognised as the title. Add a row of headings, or give --map NAME=title.")
    return fields


def todoist_rows(file: Input, options: "Options") -> Iterator["Row"]:
    """Yield the tasks of a project exported from Todoist.

    The file has no ids. A task is identified by section, parent tasks, title, and its number among equal ones.
    """
    section, above = "", list[str]()
    seen = Counter[str]()
    waiting: tuple[int, dict[str, Any]] | None = None
    for record in records_of_table(table(file, options.notes)):
        if record.problem is not None:
            yield record.place, record.problem
            continue
        values = {key(name): value.strip() for name, value in record.values.items()}
        kind, content = values.get("type", "").lower(), values.get("content", "")
        if "type" not in values or "content" not in values:
            raise BadFile("The file is not a Todoist project: the columns TYPE and CONTENT are missing.")
        if kind == "note":
            if waiting is not None and content:
                waiting[1]["description"] = f"{waiting[1]['description']}\n\n{content}".strip()
            continue
        if waiting is not None:
            yield waiting
            waiting = None
        if kind == "section":
            section, above = content, []
        elif kind == "task":
            depth = max(int(values["indent"]) if values.get("indent", "").isdigit() else 1, 1)
            title = " ".join(_LABEL.sub("", content).split())
            del above[depth - 1 :]
            row = _todoist_row(values, content, title, options)
            row["metadata"] |= {"section": section, "parent": above[-1] if above else ""}
            row["source"] = f"todoist/{options.name}"
            row["external_id"] = _known_by("\n".join((section, *above, title)), seen)
            above.append(title)
            waiting = record.place, row
        elif kind:
            options.notes[f"rows of type {kind}"] += 1
    if waiting is not None:
        yield waiting


def _todoist_row(values: dict[str, str], content: str, title: str, options: "Options") -> dict[str, Any]:
    row: dict[str, Any] = {
        "title": title,
        "description": values.get("description", ""),
        "labels": _LABEL.findall(content),
        "priority": _TODOIST_PRIORITIES.get(values.get("priority", ""), ""),
        "created_by": _PEOPLE.sub("", values.get("author", "")),
        "assigned_to": _PEOPLE.sub("", values.get("responsible", "")),
        "due_date": "",
        "metadata": {},
    }
    zone = dates.time_zone(values.get("timezone", "")) if values.get("timezone") else None
    for name in ("deadline", "date"):
        text = values.get(name, "")
        if not text:
            continue
        try:
            moment = dates.read(text, zone) if zone else None
            dates.read(text, datetime.UTC)
            # A time is in the task's own zone; a day without a time is in the file's.
            row["due_date"] = moment.at.isoformat() if moment and not moment.day else text
        except ValueError:
            repeats = text.lower().startswith(("every", "ev ", "daily", "weekly", "monthly"))
            row["metadata"]["repeats" if repeats else "due"] = text
            options.notes["repeating dates, kept as metadata" if repeats else "dates in words, kept as metadata"] += 1
    for name in ("duration", "durationunit"):
        if values.get(name) and values[name].lower() != "none":
            row["metadata"][name] = values[name]
    return row


def _known_by(text: str, seen: Counter[str]) -> str:
    seen[text] += 1
    return f"{hashlib.sha256(text.encode()).hexdigest()[:32]}-{seen[text]}"
