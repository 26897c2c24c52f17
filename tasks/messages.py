"""Conversion of tasks: rows to messages, messages to fields."""

import datetime
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError

from core.conversions import checked_numbers, read_fields, read_range, read_timestamp, set_timestamp
from core.errors import invalid
from core.protojson.enums import names, unknown_choice
from tandem.task.v1 import task_pb2
from tasks.fields import new_rank, rank_at
from tasks.models import Priority, Status, Task
from tasks.queries import Filter, TaskStats

#: The fields of a new task, and the fields that a mask of UpdateTask may name.
CREATABLE = (
    "id", "title", "description", "priority", "labels", "assigned_to", "due_date", "metadata", "project_id", "rank",
)  # fmt: skip
WRITABLE = (
    "title", "description", "status", "priority", "labels", "assigned_to", "due_date", "metadata", "project_id", "rank",
)  # fmt: skip

#: Column → field of the message, where they differ.
PATHS = {"created_by_id": "created_by", "assigned_to_id": "assigned_to"}

_TIMES = ("created_at", "updated_at", "due_date", "completed_at")


def task_message(task: Task) -> task_pb2.Task:
    """Return the message of a task."""
    return task_from_image(task.__dict__)


def task_from_image(image: Mapping[str, Any]) -> task_pb2.Task:
    """Return the message of a row image.

    Args:
        image: the row by columns, with Python's values or, as the change log has them, JSON's: ids as texts, times in
            ISO 8601.
    """
    message = task_pb2.Task(
        id=str(image["id"]),
        title=image["title"],
        description=image["description"],
        status=image["status"],
        priority=image["priority"],
        labels=image["labels"],
        created_by=str(image["created_by_id"] or ""),
        assigned_to=str(image["assigned_to_id"] or ""),
        metadata=image["metadata"],
        # Images of before there were projects have no such column.
        project_id=str(image.get("project_id") or ""),
        version=image["version"],
        source=image["source"],
        # Those of before there were ranks have the one that migration 0007 gave the task.
        rank=image.get("rank") or rank_at(_moment(image["created_at"])),
    )
    for name in _TIMES:
        at = image[name]
        if at is not None:
            set_timestamp(getattr(message, name), _moment(at))
    return message


def _moment(at: str | datetime.datetime) -> datetime.datetime:
    return datetime.datetime.fromisoformat(at) if isinstance(at, str) else at


def new_task_fields(request: task_pb2.CreateTaskRequest) -> dict[str, Any]:
    """Return the fields of the request, as `create_task` takes them.

    Raises:
        ValidationError: names each field that cannot be read.
    """
    fields = read_fields(request, CREATABLE, _READ)
    fields["priority"] = fields["priority"] or Priority.MEDIUM
    fields["rank"] = fields["rank"] or new_rank()
    return fields


def task_fields(request: task_pb2.UpdateTaskRequest, paths: Iterable[str]) -> dict[str, Any]:
    """Return the fields of the request at these paths, as `update_task` takes them.

    Raises:
        ValidationError: names each field that cannot be read.
    """
    fields = read_fields(request, paths, _READ)
    if fields.get("rank") == "":
        fields["rank"] = new_rank()
    errors = {
        name: ValidationError(f"{name.capitalize()} is required.", code="required")
        for name in ("status", "priority")
        if fields.get(name) == 0
    }
    if errors:
        raise ValidationError(errors)
    return fields


def task_filter(request: task_pb2.ListTasksRequest) -> Filter:
    """Return the filter of a list request.

    Raises:
        ValidationError: an invalid status, priority or time.
    """
    due_from, due_until = read_range(request, "due")
    return Filter(
        statuses=checked_numbers(task_pb2.TaskStatus.DESCRIPTOR, request.statuses, "statuses"),
        priorities=checked_numbers(task_pb2.Priority.DESCRIPTOR, request.priorities, "priorities"),
        labels=list(request.labels),
        assigned_to=request.assigned_to,
        created_by=request.created_by,
        project_id=request.project_id,
        query=request.query,
        due_from=due_from,
        due_until=due_until,
    )


def stats_message(stats: TaskStats) -> task_pb2.TaskStats:
    return task_pb2.TaskStats(
        total=stats.total,
        by_status={Status(status).name.lower(): count for status, count in stats.by_status.items()},
        by_priority={Priority(priority).name.lower(): count for priority, count in stats.by_priority.items()},
        by_assignee={str(user_id or ""): count for user_id, count in stats.by_assignee.items()},
        overdue=stats.overdue,
    )


def _read_choice(message: Any, name: str) -> int:
    """Return the number of an enum field; UNSPECIFIED is 0."""
    enum = message.DESCRIPTOR.fields_by_name[name].enum_type
    number: int = getattr(message, name)
    if number and number not in names(enum):
        raise invalid(name, "choice", unknown_choice(enum))
    return number


_READ: dict[str, Callable[[Any, str], Any]] = {
    "status": _read_choice,
    "priority": _read_choice,
    "labels": lambda message, name: list(message.labels),
    "due_date": read_timestamp,
    "metadata": lambda message, name: dict(message.metadata),
}
