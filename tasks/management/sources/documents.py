"""JSON documents of tasks: Trello boards, GitHub issues, and rejected rows of an earlier import."""

import datetime
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError

from core.files.foreign import Input, key, lookup, records_of_json
from core.files.messages import BadFile
from tasks.management.rows import PRIORITIES, STATUSES
from tasks.models import Status

if TYPE_CHECKING:
    from tasks.management.sources import Options, Row

_ISSUE = re.compile(r"https?://[^/]+/(?:api/v3/)?(?:repos/)?([^/]+/[^/]+)/(issues|pull|pulls)/(\d+)")
_PRIORITY_LABEL = re.compile(r"(?:priority|prio)?[\s:/_-]*(\w+)", re.IGNORECASE)
#: Parts of list names that indicate a status; the first match counts.
_WORDS_OF_LISTS = (
    (Status.CANCELLED, ("cancel", "reject", "wontfix", "wontdo", "dropped")),
    (Status.DONE, ("done", "complete", "finished", "closed", "shipped", "released", "archive")),
    (Status.IN_PROGRESS, ("doing", "progress", "review", "testing", "started", "wip", "ongoing")),
)


def trello_rows(file: Input, options: "Options") -> Iterator["Row"]:
    """Yield the cards of a board, whose export is one document."""
    board = _document(file)
    if not isinstance(board.get("cards"), list):
        raise BadFile("The file is not a Trello board: it has no cards.")
    lists = {one.get("id"): str(one.get("name") or "") for one in board.get("lists") or ()}
    names = {one.get("id"): str(one.get("username") or "") for one in board.get("members") or ()}
    checklists = {one.get("id"): one for one in board.get("checklists") or ()}
    creators = {
        lookup(action, "data.card.id"): str(lookup(action, "memberCreator.username") or "")
        for action in board.get("actions") or ()
        if action.get("type") in ("createCard", "copyCard", "convertToCardFromCheckItem", "emailCard")
    }

    def row_of(card: Mapping[str, Any]) -> dict[str, Any] | None:
        if card.get("isTemplate"):
            options.notes["card templates"] += 1
            return None
        where = lists.get(card.get("idList"), "")
        members = [names.get(one, "") for one in card.get("idMembers") or ()]
        labels = [str(one.get("name") or one.get("color") or "") for one in card.get("labels") or ()]
        row: dict[str, Any] = {
            "source": "trello",
            "external_id": str(card.get("id") or ""),
            "title": card.get("name"),
            "description": _with_checklists(card, checklists),
            "status": _trello_status(card, where, options),
            "priority": _priority(labels),
            "labels": labels,
            "due_date": card.get("due"),
            "created_at": _created_at(str(card.get("id") or "")),
            "created_by": creators.get(card.get("id"), ""),
            "assigned_to": members[0] if members else "",
            "metadata": {
                "list": where, "url": card.get("shortUrl") or card.get("url"), "members": ", ".join(members[1:]),
            },
        }  # fmt: skip
        if card.get("dueComplete"):
            row["completed_at"] = lookup(card, "dateCompleted") or card.get("dateLastActivity")
        for name in ("attachments", "customFieldItems"):
            if card.get(name):
                options.notes[name] += 1
        return row

    for number, card in enumerate(board["cards"], 1):
        yield from _row(number, card, row_of)


def github_rows(file: Input, options: "Options") -> Iterator["Row"]:
    """Yield issues as listed by the REST API or `gh issue list --json`; leave out pull requests."""

    def row_of(values: Mapping[str, Any]) -> dict[str, Any] | None:
        issue = {key(name): value for name, value in values.items()}
        url = str(issue.get("htmlurl") or issue.get("url") or "")
        found = _ISSUE.search(url)
        if issue.get("pullrequest") or issue.get("ispullrequest") or (found and found[2] != "issues"):
            options.notes["pull requests"] += 1
            return None
        number = str(issue.get("number") or (found[3] if found else "") or issue.get("id") or "")
        repository = (found[1] if found else "") or _repository(issue) or options.name
        labels = [str(one.get("name") if isinstance(one, Mapping) else one) for one in issue.get("labels") or ()]
        people = [one for one in issue.get("assignees") or (issue.get("assignee"),) if isinstance(one, Mapping)]
        milestone = issue.get("milestone") if isinstance(issue.get("milestone"), Mapping) else {}
        author = issue.get("user") or issue.get("author") or {}
        row: dict[str, Any] = {
            "source": "github",
            "external_id": f"{repository}#{number}" if number else "",
            "title": issue.get("title"),
            "description": issue.get("body"),
            "status": _github_status(issue),
            "priority": _priority(labels),
            "labels": labels,
            "due_date": (milestone or {}).get("due_on") or (milestone or {}).get("dueOn"),
            "created_at": issue.get("createdat"),
            "completed_at": issue.get("closedat"),
            "created_by": author.get("login") if isinstance(author, Mapping) else author,
            "assigned_to": people[0].get("login") if people else "",
            "metadata": {
                "url": url, "milestone": (milestone or {}).get("title"),
                "assignees": ", ".join(str(one.get("login")) for one in people[1:]),
            },
        }  # fmt: skip
        if isinstance(issue.get("comments"), list) and issue["comments"]:
            options.notes["comments"] += len(issue["comments"])
        return row

    for record in records_of_json(file, "items"):
        yield from _row(record.place, record.problem or record.values, row_of)


def _row(place: int, record: Any, row_of: Callable[[Mapping[str, Any]], dict[str, Any] | None]) -> Iterator["Row"]:
    """Yield the record's row, if it has one. A malformed record fails alone; a malformed first one fails the file."""
    if isinstance(record, ValidationError):
        yield place, record
        return
    try:
        row = row_of(record)
    except (AttributeError, LookupError, TypeError, ValueError):
        if place == 1:
            raise
        yield place, ValidationError("This record does not have the form of its source.", code="format")
    else:
        if row is not None:
            yield place, row


def own_rows(file: Input, options: "Options") -> Iterator["Row"]:
    """Yield the rows of a file of rejected rows, or plain rows, one per line."""
    for record in records_of_json(file):
        row = record.problem or record.values.get("row", record.values)
        if not isinstance(row, dict | ValidationError):
            row = ValidationError("The line does not contain a row.", code="format")
        yield record.place, row


def _document(file: Input) -> dict[str, Any]:
    try:
        value = json.loads(b"".join(iter(lambda: file.read(1 << 16) or b"", b"")))
    except (ValueError, RecursionError) as exc:
        raise BadFile("The file is not valid JSON.") from exc
    if not isinstance(value, dict):
        raise BadFile("The file is not a JSON object.")
    return value


def _trello_status(card: Mapping[str, Any], where: str, options: "Options") -> str:
    """Return the status of a card. An archived card that is not done counts as cancelled."""
    named = key(where)
    known = STATUSES.get(named) or next(
        (status for status, words in _WORDS_OF_LISTS if any(word in named for word in words)), None
    )
    if named in options.statuses:
        return where
    if card.get("dueComplete") or known == Status.DONE:
        return "done"
    if card.get("closed"):
        options.notes["archived cards that were not done, now cancelled"] += 1
        return "cancelled"
    return (known or Status.TODO).name.lower()


def _with_checklists(card: Mapping[str, Any], checklists: Mapping[Any, Mapping[str, Any]]) -> str:
    parts = [str(card.get("desc") or "")]
    for checklist in filter(None, (checklists.get(one) for one in card.get("idChecklists") or ())):
        lines = [
            f"- [{'x' if item.get('state') == 'complete' else ' '}] {item.get('name')}"
            for item in checklist.get("checkItems") or ()
        ]
        parts.append("\n".join([f"{checklist.get('name')}:", *lines]))
    return "\n\n".join(filter(None, parts))


def _created_at(card_id: str) -> str:
    """Return the time of creation, which is the first part of a card's id, in seconds."""
    if not re.fullmatch(r"[0-9a-f]{24}", card_id):
        return ""
    return datetime.datetime.fromtimestamp(int(card_id[:8], 16), datetime.UTC).isoformat()


def _github_status(issue: Mapping[str, Any]) -> str:
    if str(issue.get("state")).lower() != "closed":
        return "todo"
    reason = str(issue.get("statereason") or "").lower()
    return "cancelled" if reason in ("not_planned", "duplicate") else "done"


def _repository(issue: Mapping[str, Any]) -> str:
    repository = issue.get("repository")
    if isinstance(repository, Mapping):
        return str(repository.get("nameWithOwner") or repository.get("full_name") or "")
    return str(repository or "")


def _priority(labels: list[str]) -> str:
    """Return the priority in a label, such as `P1` or `priority: high`; empty = none."""
    for label in labels:
        found = _PRIORITY_LABEL.fullmatch(label.strip())
        if found and key(found[1]) in PRIORITIES and key(found[1]) not in ("none", "default", "normal", "important"):
            return found[1]
    return ""
