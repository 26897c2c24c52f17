"""The steps of `try_grpc.py` around tasks."""

import itertools
import threading
from collections.abc import Callable, Iterator
from functools import partial

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from scripts.walk import UNKNOWN_ID, AnswerError, Walk, expect, show
from tandem.client import AlreadyExists, Invalid, NotFound, Resync, SnapshotEnd, Stale, TandemError
from tandem.task.v1 import task_pb2

DUE = Timestamp(seconds=1_900_000_000)


def task_steps(walk: Walk) -> list[tuple[str, Callable[[], None]]]:
    """Return the steps in order, each with the rpc that it tests."""
    return [
        ("CreateTask", partial(create_task, walk)),
        ("GetTask", partial(get_task, walk)),
        ("UpdateTask", partial(update_task, walk)),
        ("ListTasks", partial(list_tasks, walk)),
        ("GetTaskStats", partial(get_task_stats, walk)),
        ("WatchTasks", partial(watch_tasks, walk)),
        ("DeleteTask", partial(delete_task, walk)),
    ]


def create_task(walk: Walk) -> None:
    for number in (1, 2, 3):
        request = task_pb2.CreateTaskRequest(
            title=f" Walk {walk.mark} {number} ", labels=[walk.mark], assigned_to=walk.user.id, due_date=DUE
        )
        task = walk.call(walk.tasks.CreateTask, request)
        walk.task_ids.append(task.id)
        show("id", task.id)
        expect("title", task.title, request.title.strip())
        expect("assigned_to", task.assigned_to, walk.user.id)
        expect("status", task.status, task_pb2.TASK_STATUS_TODO)
        expect("priority", task.priority, task_pb2.PRIORITY_MEDIUM)
        expect("version", task.version, 1)
    message = walk.refused(Invalid, walk.tasks.CreateTask, task_pb2.CreateTaskRequest())
    expect("the refusal names the title", "Title is required" in message, True)
    again = task_pb2.CreateTaskRequest(title="Again", id=walk.task_ids[0])
    walk.refused(AlreadyExists, walk.tasks.CreateTask, again)


def get_task(walk: Walk) -> None:
    task = _task(walk)
    show("title", task.title)
    expect("due_date", task.due_date, DUE)
    unknown = task_pb2.GetTaskRequest(id=UNKNOWN_ID)
    message = walk.refused(NotFound, walk.tasks.GetTask, unknown)
    expect("the refusal names the id", f"Task with ID '{UNKNOWN_ID}' not found" in message, True)


def update_task(walk: Walk) -> None:
    before = _task(walk)
    request = task_pb2.UpdateTaskRequest(id=before.id, status=task_pb2.TASK_STATUS_DONE, metadata={"walk": walk.mark})
    done = walk.call(walk.tasks.UpdateTask, request, ("if-match", str(before.version)))
    show("version", done.version)
    expect("status", done.status, task_pb2.TASK_STATUS_DONE)
    expect("completed_at is set", done.HasField("completed_at"), True)
    expect("title and labels", (done.title, done.labels), (before.title, before.labels))
    walk.refused(Stale, walk.tasks.UpdateTask, request, ("if-match", str(before.version)))
    emptied = task_pb2.UpdateTaskRequest(id=before.id, update_mask=FieldMask(paths=["metadata"]))
    expect("metadata", dict(walk.call(walk.tasks.UpdateTask, emptied).metadata), {})


def list_tasks(walk: Walk) -> None:
    found = [task.id for page in _pages(walk) for task in page.tasks]
    show("found", len(found))
    expect("this walk's tasks, newest first", found, walk.task_ids[::-1])
    done = task_pb2.ListTasksRequest(labels=[walk.mark], statuses=[task_pb2.TASK_STATUS_DONE], query=walk.mark)
    listed = walk.call(walk.tasks.ListTasks, done)
    expect("those that are done", [task.id for task in listed.tasks], walk.task_ids[:1])
    expect("total_count", listed.total_count, 1)


def get_task_stats(walk: Walk) -> None:
    stats = walk.call(walk.tasks.GetTaskStats, task_pb2.GetTaskStatsRequest())
    show("total", stats.total)
    expect("the sum by status", sum(stats.by_status.values()), stats.total)
    expect("those assigned to the walk's user", stats.by_assignee[walk.user.id], len(walk.task_ids))


def watch_tasks(walk: Walk) -> None:
    with walk.client.watch_tasks(labels=[walk.mark], include_initial=True) as watch:
        # Closes the watch if an event does not arrive in time.
        limit = threading.Timer(walk.timeout, watch.close)
        limit.daemon = True
        limit.start()
        initial = itertools.takewhile(lambda event: not isinstance(event, SnapshotEnd), watch)
        ids = sorted(event.task.id for event in initial if not isinstance(event, (Resync, SnapshotEnd)))
        show("tasks in the initial state", len(ids))
        expect("the tasks in the initial state", ids, sorted(walk.task_ids))
        request = task_pb2.UpdateTaskRequest(id=walk.task_ids[-1], description="Watched.")
        changed = walk.call(walk.tasks.UpdateTask, request)
        event = next(watch, None)
        limit.cancel()
        if not isinstance(event, task_pb2.TaskEvent):
            raise AnswerError(f"The change of a task was not reported within {walk.timeout} s.")
        expect("the event", (event.event_type, event.task), (task_pb2.EVENT_TYPE_UPDATED, changed))


def delete_task(walk: Walk) -> None:
    request = task_pb2.DeleteTaskRequest(id=walk.task_ids[0])
    walk.call(walk.tasks.DeleteTask, request)
    show("id", request.id)
    walk.refused(NotFound, walk.tasks.DeleteTask, request)


def remove_tasks(walk: Walk) -> list[str]:
    """Delete the remaining tasks of this walk. Returns a message for each that could not be deleted."""
    left = []
    for task_id in walk.task_ids:
        try:
            walk.call(walk.tasks.DeleteTask, task_pb2.DeleteTaskRequest(id=task_id))
        except NotFound:
            continue
        except TandemError as error:
            left.append(f"Task {task_id} could not be deleted: {error}")
    return left


def _task(walk: Walk) -> task_pb2.Task:
    task: task_pb2.Task = walk.call(walk.tasks.GetTask, task_pb2.GetTaskRequest(id=walk.task_ids[0]))
    return task


def _pages(walk: Walk) -> Iterator[task_pb2.ListTasksResponse]:
    token = ""
    while True:
        request = task_pb2.ListTasksRequest(page_size=2, page_token=token, labels=[walk.mark])
        page = walk.call(walk.tasks.ListTasks, request)
        yield page
        token = page.next_page_token
        if not token:
            return
