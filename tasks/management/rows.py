"""Rows of tasks in the form common to all sources, and their conversion to `Imported`."""

import datetime
import json
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from core.files.foreign import Notes, key
from tasks.fields import MAX_LABEL_LENGTH, MAX_LABELS, MAX_METADATA_BYTES, MAX_METADATA_KEYS
from tasks.management import dates
from tasks.models import Priority, Status
from tasks.services.imports import Imported
from users.models import OPEN_ACCOUNT_STATUSES, User

#: The fields of a row, texts but for `labels` (a list) and `metadata` (by name).
FIELDS = (
    "source", "external_id", "title", "description", "status", "priority", "labels", "due_date", "created_at",
    "completed_at", "created_by", "assigned_to", "metadata",
)  # fmt: skip
_EMPTY: tuple[Any, ...] = (None, "", [], {})
MAX_TITLE_LENGTH, MAX_DESCRIPTION_LENGTH = 200, 10_000
#: Statuses and priorities by the `key` of their names in other systems.
STATUSES = {
    **dict.fromkeys(("todo", "open", "opened", "new", "backlog", "notstarted", "needsaction", "pending", "planned",
                     "tobedone", "inbox", "later", "ready", "reopened", "false", "no", "0"), Status.TODO),
    **dict.fromkeys(("inprogress", "doing", "started", "inprocess", "wip", "working", "active", "review", "inreview",
                     "testing", "ongoing", "today"), Status.IN_PROGRESS),
    **dict.fromkeys(("done", "closed", "completed", "complete", "finished", "resolved", "shipped", "true", "yes", "1",
                     "x"), Status.DONE),
    **dict.fromkeys(("cancelled", "canceled", "wontfix", "wontdo", "rejected", "dropped", "notplanned", "duplicate",
                     "abandoned"), Status.CANCELLED),
}  # fmt: skip
PRIORITIES = {
    **dict.fromkeys(("low", "lowest", "minor", "trivial", "p4"), Priority.LOW),
    **dict.fromkeys(("medium", "normal", "default", "none", "moderate", "p3"), Priority.MEDIUM),
    **dict.fromkeys(("high", "important", "major", "p2"), Priority.HIGH),
    **dict.fromkeys(("critical", "urgent", "highest", "blocker", "p0", "p1"), Priority.CRITICAL),
}  # fmt: skip


class People:
    """Users by the names in a file.

    Args:
        emails: name in the file → e-mail address here.
        importer: the user who replaces unknown names; None = no user.
        notes: counts unknown names.
    """

    def __init__(self, emails: Mapping[str, str], importer: User | None, notes: Notes) -> None:
        self._emails = {name.strip().casefold(): email for name, email in emails.items()}
        self._importer = importer
        self._notes = notes
        self._found: dict[str, UUID | None] = {}

    def find(self, name: str, *, assignee: bool) -> UUID | None:
        """Return the user's id, or the importer's for unknown users. Tasks are not assigned to closed accounts."""
        name = name.strip().removeprefix("mailto:").removeprefix("MAILTO:")
        if not name:
            return None
        lookup = f"{assignee} {name}"
        if lookup not in self._found:
            self._found[lookup] = self._look_up(self._emails.get(name.casefold(), name), assignee)
        found = self._found[lookup]
        if found is not None:
            return found
        self._notes[
            f"{'assignee' if assignee else 'creator'} {name!r} is not a user of this server; {self._replacement()}"
        ] += 1
        return self.importer_id

    @property
    def importer_id(self) -> UUID | None:
        return self._importer.pk if self._importer else None

    def _replacement(self) -> str:
        return "replaced by the importer" if self._importer else "left empty"

    def _look_up(self, email: str, assignee: bool) -> UUID | None:
        if "@" not in email:
            return None
        try:
            email = User._meta.get_field("email").clean(email, None)
        except ValidationError:
            return None
        users = User.objects.filter(email=email)
        return (
            (users.filter(status__in=OPEN_ACCOUNT_STATUSES) if assignee else users).values_list("pk", flat=True).first()
        )


class Reader:
    """Converts the rows of one file for the service.

    Args:
        zone: time zone of days, and of times without an offset.
        statuses, priorities: names in the file → values here; they take precedence over the known names.
        project_id: the project of all tasks; None = an import changes no task's project.
    """

    def __init__(
        self,
        people: People,
        notes: Notes,
        zone: datetime.tzinfo,
        statuses: Mapping[str, Status],
        priorities: Mapping[str, Priority],
        project_id: UUID | None = None,
    ) -> None:
        self._people = people
        self._notes = notes
        self._zone = zone
        self._statuses = {**STATUSES, **statuses}
        self._priorities = {**PRIORITIES, **priorities}
        self._project = {"project_id": project_id} if project_id else {}
        self._seen: set[int] = set()

    def read(self, row: Mapping[str, Any]) -> Imported:
        """Return the task of a row. If the task exists already, fields missing in the row keep their values.

        Raises:
            ValidationError: names each field that cannot be read.
        """
        try:
            return self._read(row)
        except (AttributeError, LookupError, TypeError) as exc:
            raise ValidationError("A field of this row does not have the form of its source.", code="format") from exc

    def _read(self, row: Mapping[str, Any]) -> Imported:
        errors: dict[str, ValidationError] = {}
        fields: dict[str, Any] = dict(self._project)

        def take(name: str, reader: Callable[[Any], Any], into: str = "", empty: Any = None) -> Any:
            if name not in row:
                return None
            value = row[name]
            try:
                taken = empty if value in _EMPTY else reader(value)
            except ValidationError as exc:
                errors[name] = exc
                return None
            if into:
                fields[into] = taken
            return taken

        if unknown := row.keys() - set(FIELDS):
            errors[min(unknown)] = ValidationError(f"Unknown field {min(unknown)}.", code="unknown")
        metadata = {str(name): _text(value) for name, value in (row.get("metadata") or {}).items() if _text(value)}
        title, description = self._fitted(_text(row.get("title")), _text(row.get("description")))
        fields["title"] = title
        if description or "description" in row:
            fields["description"] = description
        take("status", self._status, "status", Status.TODO)
        take("priority", self._priority, "priority", Priority.MEDIUM)
        take("labels", self._labels, "labels", [])
        due = take("due_date", self._time)
        if "due_date" in row:
            fields["due_date"] = due and due.at
        if due and due.day:
            metadata["due_day"] = due.day.isoformat()
        if metadata or "metadata" in row:
            fields["metadata"] = self._bounded(metadata)
        created, completed = take("created_at", self._time), take("completed_at", self._time)
        created_by = take("created_by", lambda name: self._people.find(_text(name), assignee=False))
        take("assigned_to", lambda name: self._people.find(_text(name), assignee=True), "assigned_to_id")
        source, external_id = _text(row.get("source")), _text(row.get("external_id"))
        called = hash((source, external_id))
        if external_id and called in self._seen:
            errors["external_id"] = ValidationError("Duplicate id: an earlier row has it, too.", code="duplicate")
        if errors:
            raise ValidationError(errors)
        self._seen.add(called)
        return Imported(
            source,
            external_id,
            fields,
            created_by or self._people.importer_id,
            created.at if created else None,
            completed.at if completed else None,
        )

    def _time(self, value: Any) -> dates.ParsedTime:
        try:
            return dates.read(_text(value), self._zone)
        except dates.Ambiguous as exc:
            message = "Day and month are ambiguous; write the date as in 2026-01-31."
            raise ValidationError(message, code="format") from exc
        except (ValueError, OverflowError) as exc:
            raise ValidationError("Write the date as in 2026-01-31 or 2026-01-31T09:30:00Z.", code="format") from exc

    def _status(self, value: Any) -> Status:
        found = self._statuses.get(key(_text(value)))
        if found is None:
            raise ValidationError(
                "Unknown status: use todo, in_progress, done or cancelled, or give --status NAME=STATUS.",
                code="choice",
            )
        return found

    def _priority(self, value: Any) -> Priority:
        found = self._priorities.get(key(_text(value)))
        if found is None:
            raise ValidationError(
                "Unknown priority: use low, medium, high or critical, or give --priority NAME=PRIORITY.",
                code="choice",
            )
        return found

    def _labels(self, value: Any) -> list[str]:
        given = value if isinstance(value, list) else _text(value).replace(";", ",").split(",")
        whole = [unicodedata.normalize("NFC", " ".join(_text(label).split())) for label in given]
        labels = list(dict.fromkeys(label[:MAX_LABEL_LENGTH].strip() for label in whole if label))
        if len(labels) > MAX_LABELS or any(len(label) > MAX_LABEL_LENGTH for label in whole):
            self._notes["labels cut"] += 1
        return labels[:MAX_LABELS]

    def _fitted(self, title: str, description: str) -> tuple[str, str]:
        """Return title and description. A title that is too long is cut, and its full text precedes the description."""
        title = " ".join(title.split())
        if len(title) > MAX_TITLE_LENGTH:
            self._notes["titles cut, whole in the description"] += 1
            description = f"{title}\n\n{description}"
            title = title[: MAX_TITLE_LENGTH - 1] + "…"
        if len(description) > MAX_DESCRIPTION_LENGTH:
            self._notes["descriptions cut"] += 1
            description = description[: MAX_DESCRIPTION_LENGTH - 1] + "…"
        return title, description

    def _bounded(self, metadata: dict[str, str]) -> dict[str, str]:
        kept: dict[str, str] = {}
        room = MAX_METADATA_BYTES
        for name, text in metadata.items():
            room -= len(name.encode()) + len(text.encode())
            if room < 0 or len(kept) == MAX_METADATA_KEYS:
                self._notes["metadata cut"] += 1
                break
            kept[name] = text
        return kept


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    # JSON may contain lone surrogates, which are not valid text.
    return str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
