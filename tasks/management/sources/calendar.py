"""Tasks of calendars: the VTODOs of an iCalendar file (RFC 5545)."""

import datetime
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import icalendar
from django.core.exceptions import ValidationError

from core.files.foreign import Input
from core.files.messages import BadFile

if TYPE_CHECKING:
    from tasks.management.sources import Options, Row

_STATUSES = {"NEEDS-ACTION": "todo", "IN-PROCESS": "in_progress", "COMPLETED": "done", "CANCELLED": "cancelled"}
#: Properties without a field in a task → their names in its metadata.
_NOTED = {"RRULE": "repeats", "URL": "url", "LOCATION": "location", "RELATED-TO": "parent"}


_BEGIN = re.compile(rb"^BEGIN:VCALENDAR[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)


# Unreadable properties of a task are listed in its `errors`, as the library does for events, so only this task fails.
icalendar.Todo.ignore_exceptions = True


def rows(file: Input, options: "Options") -> Iterator["Row"]:
    data = b"".join(iter(lambda: file.read(1 << 16) or b"", b""))
    try:
        calendars = icalendar.Calendar.from_ical(data, multiple=True)
    except (ValueError, IndexError, KeyError) as exc:
        raise BadFile("The file is not a calendar (RFC 5545).") from exc
    if not calendars or len(calendars) != len(_BEGIN.findall(data)):
        raise BadFile("The calendar (RFC 5545) is incomplete: it ends before END:VCALENDAR.")
    number = 0
    for calendar in calendars:
        for component in calendar.walk():
            if component.name == "VTODO":
                number += 1
                try:
                    row: dict[str, Any] | ValidationError = _row(component, options)
                except (AttributeError, LookupError, TypeError, ValueError):
                    row = ValidationError("This task does not conform to RFC 5545.", code="format")
                yield number, row
            elif component.name in ("VEVENT", "VJOURNAL"):
                options.notes[f"{component.name}s"] += 1


def _row(todo: Any, options: "Options") -> dict[str, Any]:
    """Return the fields of a task.

    Raises:
        ValueError: a property cannot be read.
    """
    if todo.errors:
        raise ValueError
    recurrence = todo.get("RECURRENCE-ID")
    uid = str(todo.get("UID") or "")
    metadata = {name: _text(todo.get(of)) for of, name in _NOTED.items() if todo.get(of) is not None}
    if "repeats" in metadata:
        options.notes["repeating tasks: only the first one is imported, its rule is kept as metadata"] += 1
    for name in ("VALARM",):
        if any(part.name == name for part in todo.subcomponents):
            options.notes["alarms"] += 1
    if any(name in todo for name in ("ATTACH",)):
        options.notes["attachments"] += 1
    attendees = todo.get("ATTENDEE")
    attendee = attendees[0] if isinstance(attendees, list) else attendees
    return {
        "source": "ical",
        "external_id": f"{uid}/{_text(recurrence)}" if recurrence is not None else uid,
        "title": str(todo.get("SUMMARY") or ""),
        "description": str(todo.get("DESCRIPTION") or ""),
        "status": _status(todo),
        "priority": _priority(str(todo.get("PRIORITY") or "0")),
        "labels": _labels(todo.get("CATEGORIES")),
        "due_date": _due(todo),
        "created_at": _text(todo.get("CREATED") or todo.get("DTSTAMP")),
        "completed_at": _text(todo.get("COMPLETED")),
        "created_by": str(todo.get("ORGANIZER") or ""),
        "assigned_to": str(attendee or ""),
        "metadata": metadata,
    }


def _status(todo: Any) -> str:
    if status := str(todo.get("STATUS") or "").upper():
        return _STATUSES.get(status, status)
    if todo.get("COMPLETED") is not None:
        return "done"
    percent = str(todo.get("PERCENT-COMPLETE") or "0")
    return "todo" if percent == "0" else "done" if percent == "100" else "in_progress"


def _priority(number: str) -> str:
    """Translate a priority of RFC 5545 §3.8.1.9: 0 = undefined, 1 = highest, 5 = medium, 9 = lowest."""
    if not number.isdigit() or number == "0":
        return ""
    value = int(number)
    return "critical" if value == 1 else "high" if value < 5 else "medium" if value == 5 else "low"


def _labels(categories: Any) -> list[str]:
    found = categories if isinstance(categories, list) else [categories] if categories is not None else []
    return [str(label) for group in found for label in getattr(group, "cats", [group])]


def _due(todo: Any) -> str:
    """Return the due date; without one the start, plus the duration if there is one."""
    if todo.get("DUE") is not None:
        return _text(todo["DUE"])
    start, duration = todo.get("DTSTART"), todo.get("DURATION")
    if start is None:
        return ""
    if duration is None or not isinstance(start.dt, datetime.datetime):
        return _text(start)
    return str((start.dt + duration.dt).isoformat())


def _text(value: Any) -> str:
    """Return a property as text: dates and times in ISO 8601, others as in the file."""
    if value is None:
        return ""
    at = getattr(value, "dt", None)
    if isinstance(at, datetime.date):
        return at.isoformat()
    return value.to_ical().decode() if hasattr(value, "to_ical") else str(value)
