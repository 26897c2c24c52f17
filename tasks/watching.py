"""Filter and events of WatchTasks, the stream of tasks."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from changes.feed.log import ChangeRecord, Image
from changes.feed.subjects import Visibility
from changes.feed.view import EventKind, Subscription, everything
from core.conversions import checked_numbers, set_timestamp
from core.db import ids
from core.errors import invalid
from tandem.task.v1 import task_pb2
from tasks.fields import labels_to_find
from tasks.messages import task_from_image

MAX_TASKS = 500
_NONE = UUID(int=0)

_EVENTS = {
    EventKind.CREATED: task_pb2.EVENT_TYPE_CREATED,
    EventKind.UPDATED: task_pb2.EVENT_TYPE_UPDATED,
    EventKind.DELETED: task_pb2.EVENT_TYPE_DELETED,
    EventKind.LEFT: task_pb2.EVENT_TYPE_DELETED,
    EventKind.BOOKMARK: task_pb2.EVENT_TYPE_BOOKMARK,
    EventKind.SNAPSHOT_END: task_pb2.EVENT_TYPE_SNAPSHOT_END,
}


def subscription_for(operation: str, request: task_pb2.WatchTasksRequest) -> Subscription:
    """Return the subscription for the request.

    Raises:
        ValidationError: an unknown status, an invalid label, or too many tasks or labels.
    """
    if len(request.task_ids) > MAX_TASKS:
        raise invalid("task_ids", "max_items", f"Give at most {MAX_TASKS} task ids, or none to watch all tasks.")
    # A client that sends only malformed ids must not receive all tasks.
    task_ids = frozenset(str(ids.parsed(task_id) or _NONE) for task_id in request.task_ids)
    statuses = frozenset(checked_numbers(task_pb2.TaskStatus.DESCRIPTOR, request.statuses, "statuses"))
    labels = labels_to_find(request.labels)
    # No task is of a project with a malformed id.
    project_id = str(ids.parsed(request.project_id) or _NONE) if request.project_id else ""
    return Subscription(
        operation,
        task_event,
        ("task",),
        # Without a project as before there were any, so that a cursor of that time is still valid.
        bound_to=[sorted(task_ids), sorted(statuses), sorted(labels), *filter(None, (project_id,))],
        matches=partial(_matches, statuses, labels, project_id) if statuses or labels or project_id else everything,
        narrow=partial(_narrow, statuses, labels, project_id),
        subject_ids=task_ids,
    )


def task_event(kind: EventKind, change: ChangeRecord | None, visibility: Visibility) -> task_pb2.TaskEvent:
    """Return the event without its cursor."""
    event = task_pb2.TaskEvent(event_type=_EVENTS[kind], left_view=kind is EventKind.LEFT)
    if change is None:
        return event
    set_timestamp(event.timestamp, change.occurred_at)
    event.triggered_by = change.actor
    image = change.old if kind is EventKind.DELETED else change.new
    # Of a deleted task, a caller who has left its project in the meantime sees a part: the ID.
    if kind is EventKind.LEFT or image is None or visibility is not Visibility.WHOLE:
        event.task.id = change.subject_id
    else:
        event.task.CopyFrom(task_from_image(image))
    if kind is EventKind.DELETED:
        event.task.version = change.version
    return event


def _matches(statuses: frozenset[int], labels: frozenset[str], project_id: str, image: Image) -> bool:
    return (
        (not statuses or image["status"] in statuses)
        and (not labels or not labels.isdisjoint(image["labels"]))
        and (not project_id or image.get("project_id") == project_id)
    )


def _narrow(statuses: frozenset[int], labels: frozenset[str], project_id: str, tasks: QuerySet[Any]) -> QuerySet[Any]:
    if statuses:
        tasks = tasks.filter(status__in=statuses)
    if project_id:
        tasks = tasks.filter(project=project_id)
    return tasks.filter(labels__overlap=sorted(labels)) if labels else tasks
