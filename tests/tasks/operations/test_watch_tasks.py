"""WatchTasks over both transports. The feed itself is tested in `tests/changes`, open streams in `tests/core`."""

import uuid

import pytest
from django.db import connection

from changes.models import Change
from tandem.task.v1.task_pb2 import (
    EVENT_TYPE_CREATED,
    EVENT_TYPE_DELETED,
    EVENT_TYPE_SNAPSHOT_END,
    EVENT_TYPE_UPDATED,
    TASK_STATUS_DONE,
    TASK_STATUS_TODO,
    CreateTaskRequest,
    TaskEvent,
    WatchTasksRequest,
)
from tasks.models import Status, Task
from tests.support.factories import TaskFactory
from tests.support.transports import Failed, Transport, Watched
from users.models import User

WATCH = "TaskService/WatchTasks"


def live(api: Transport, actor: User, **asked: object) -> Watched:
    """Open a stream and read its initial state."""
    watched = api.watch(WATCH, WatchTasksRequest(include_initial=True, bookmarks=True, **asked), actor=actor)  # type: ignore[arg-type]
    while watched.next().event_type != EVENT_TYPE_SNAPSHOT_END:
        pass
    return watched


def outline(event: TaskEvent) -> tuple[int, str, bool]:
    return event.event_type, event.task.id, event.left_view


def test_initial_state_precedes_changes(watching: Transport, ann: User, bob: User) -> None:
    there = [TaskFactory(created_by=ann, title=f"Task {number}") for number in range(3)]
    TaskFactory(created_by=bob)  # Not visible to this caller.
    asked = WatchTasksRequest(include_initial=True, bookmarks=True)
    with watching.watch(WATCH, asked, actor=ann) as watched:
        *initial, end = watched.take(4)
        assert {event.task.id for event in initial} == {str(task.pk) for task in there}
        assert {(e.event_type, e.triggered_by, e.cursor) for e in initial} == {(EVENT_TYPE_CREATED, "system", "")}
        assert (end.event_type, end.HasField("task")) == (EVENT_TYPE_SNAPSHOT_END, False)
        assert end.cursor
        made = watching("TaskService/CreateTask", CreateTaskRequest(title="New", labels=["a"]), actor=ann)
        created = watched.next()
        assert created.event_type == EVENT_TYPE_CREATED
        assert created.task == made
        assert created.triggered_by == str(ann.pk)
        assert created.HasField("timestamp")
        Task.objects.filter(pk=made.id).update(title="By hand")
        updated = watched.next()
        assert updated.event_type == EVENT_TYPE_UPDATED
        assert updated.task.title == "By hand"
        assert updated.task.version == 2
        assert updated.triggered_by == "system"
        Task.objects.filter(pk=made.id).delete()
        deleted = watched.next()
        assert outline(deleted) == (EVENT_TYPE_DELETED, made.id, False)
        assert (deleted.task.title, deleted.task.version) == ("By hand", 3)
    with watching.watch(WATCH, WatchTasksRequest(cursor=created.cursor), actor=ann) as again:
        assert again.take(2) == [updated, deleted]


def test_task_that_enters_or_leaves_the_view_is_reported(watching: Transport, ann: User, bob: User) -> None:
    task = TaskFactory(created_by=ann, assigned_to=ann)
    other = TaskFactory(created_by=ann, assigned_to=ann, labels=["else"])
    with live(watching, bob) as of_bob, live(watching, ann, statuses=[TASK_STATUS_TODO], labels=["x"]) as of_ann:
        Task.objects.filter(pk=task.pk).update(assigned_to=bob)
        entered = of_bob.next()
        assert outline(entered) == (EVENT_TYPE_UPDATED, str(task.pk), False)
        assert entered.task.title == task.title  # The whole of it.
        Task.objects.filter(pk__in=[task.pk, other.pk]).update(labels=["x", "y"])
        assert {event.task.id for event in of_ann.take(2)} == {str(task.pk), str(other.pk)}
        assert outline(of_bob.next()) == (EVENT_TYPE_UPDATED, str(task.pk), False)
        Task.objects.filter(pk=task.pk).update(assigned_to=None, status=Status.DONE)
        left = of_bob.next()
        assert outline(left) == (EVENT_TYPE_DELETED, str(task.pk), True)
        assert left.task.title == ""  # Only its id.
        assert outline(of_ann.next()) == (EVENT_TYPE_DELETED, str(task.pk), True)
        # A task that is not in view, before and after, is not sent.
        Task.objects.filter(pk=task.pk).update(title="Still done")
        Task.objects.filter(pk=task.pk).update(status=Status.TODO)
        assert outline(of_ann.next()) == (EVENT_TYPE_UPDATED, str(task.pk), False)


def test_tasks_are_watched_by_their_ids(watching: Transport, ann: User) -> None:
    first, second = TaskFactory(created_by=ann), TaskFactory(created_by=ann)
    unknown = [str(uuid.uuid4()), "no id"]
    with (
        live(watching, ann, task_ids=[str(first.pk).upper(), *unknown]) as one,
        live(watching, ann, task_ids=unknown) as no,
    ):
        Task.objects.filter(pk=second.pk).update(title="2")
        Task.objects.filter(pk=first.pk).update(title="1")
        assert outline(one.next()) == (EVENT_TYPE_UPDATED, str(first.pk), False)
        no.close()


def test_administrators_see_all(watching: Transport, administrator: User, ann: User) -> None:
    with live(watching, administrator) as watched:
        made = watching("TaskService/CreateTask", CreateTaskRequest(title="Ann's"), actor=ann)
        assert outline(watched.next()) == (EVENT_TYPE_CREATED, made.id, False)


def test_bookmarks_are_sent_only_on_request(watching: Transport, ann: User) -> None:
    task = TaskFactory(created_by=ann)
    with watching.watch(WATCH, WatchTasksRequest(include_initial=True), actor=ann) as watched:
        assert outline(watched.next()) == (EVENT_TYPE_CREATED, str(task.pk), False)
        Task.objects.filter(pk=task.pk).update(title="New")
        assert watched.next().event_type == EVENT_TYPE_UPDATED


def test_bad_requests(watching: Transport, ann: User) -> None:
    for asked, field in (
        (WatchTasksRequest(statuses=[TASK_STATUS_DONE, 99]), "statuses.1"),  # type: ignore[list-item]
        (WatchTasksRequest(cursor="x", include_initial=True), "cursor"),
        (WatchTasksRequest(task_ids=["x"] * 501), "task_ids"),
    ):
        with pytest.raises(Failed) as failed:
            watching.watch(WATCH, asked, actor=ann)
        assert (failed.value.reason, list(failed.value.fields)) == ("INVALID", [field])


def test_a_cursor_is_good_for_its_filter_alone(watching: Transport, ann: User) -> None:
    task = TaskFactory(created_by=ann)
    with live(watching, ann) as watched:
        Task.objects.filter(pk=task.pk).update(title="New")
        cursor = watched.next().cursor
    for asked in (WatchTasksRequest(cursor=cursor, labels=["x"]), WatchTasksRequest(cursor="made up")):
        with pytest.raises(Failed) as failed:
            watching.watch(WATCH, asked, actor=ann).next()
        assert failed.value.reason == "CURSOR_INVALID"


def test_a_cursor_that_is_too_old_is_refused(watching: Transport, ann: User) -> None:
    task = TaskFactory(created_by=ann)
    with live(watching, ann) as watched:
        for title in "abc":
            Task.objects.filter(pk=task.pk).update(title=title)
        cursor, _, last = (event.cursor for event in watched.take(3))
    with connection.cursor() as rows:
        rows.execute("UPDATE changes_head SET oldest = seq")
    assert Change.objects.filter(subject_id=task.pk).count() == 4
    with pytest.raises(Failed) as failed:
        watching.watch(WATCH, WatchTasksRequest(cursor=cursor), actor=ann).next()
    assert failed.value.reason == "CURSOR_EXPIRED"
    watching.watch(WATCH, WatchTasksRequest(cursor=last), actor=ann).close()
