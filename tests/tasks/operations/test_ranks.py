"""Ranks: the order that people make. Creation, update and lists of tasks in it."""

import datetime
from typing import Any

import pytest
from django.db import connection
from google.protobuf.field_mask_pb2 import FieldMask

from changes.feed import subjects
from changes.models import Change
from tandem.task.v1 import task_pb2
from tandem.task.v1.task_pb2 import CreateTaskRequest, ListTasksRequest, UpdateTaskRequest
from tasks.fields import MAX_RANK_LENGTH, new_rank, rank_at
from tasks.messages import task_from_image, task_message
from tasks.models import Task
from tests.support.factories import ProjectFactory, TaskFactory
from tests.support.transports import Transport
from users.models import User

CREATE, UPDATE, LIST = "TaskService/CreateTask", "TaskService/UpdateTask", "TaskService/ListTasks"


def move(task: task_pb2.Task, rank: str, version: int = 0) -> UpdateTaskRequest:
    return UpdateTaskRequest(id=task.id, rank=rank, version=version, update_mask=FieldMask(paths=["rank"]))


def titles(api: Transport, actor: User, **options: Any) -> list[str]:
    found: list[str] = []
    token = ""
    while True:
        request = ListTasksRequest(order_by="rank", page_size=2, page_token=token, **options)
        answer = api(LIST, request, actor=actor)
        found += [task.title for task in answer.tasks]
        token = answer.next_page_token
        if not token:
            return found


def test_tasks_are_moved_between_others(api: Transport, ann: User) -> None:
    a, b, c = (api(CREATE, CreateTaskRequest(title=title), actor=ann) for title in "abc")
    assert a.rank < b.rank < c.rank
    assert titles(api, ann) == ["a", "b", "c"]
    moved = api(UPDATE, move(c, a.rank + "V"), actor=ann)
    assert (moved.rank, moved.version) == (a.rank + "V", 2)
    assert titles(api, ann) == ["a", "c", "b"]
    api(UPDATE, move(b, "1"), actor=ann)
    assert titles(api, ann) == ["b", "a", "c"]
    assert titles(api, ann, descending=True) == ["c", "a", "b"]
    # An empty rank is the end, and what is created then comes after it.
    assert api(UPDATE, move(b, ""), actor=ann).rank > c.rank
    api(CREATE, CreateTaskRequest(title="d"), actor=ann)
    api(CREATE, CreateTaskRequest(title="first", rank="0a"), actor=ann)
    assert titles(api, ann) == ["first", "a", "c", "b", "d"]


def test_digits_come_before_upper_and_lower_case_and_equal_ranks_are_ordered_by_id(
    api: Transport, ann: User, administrator: User
) -> None:
    project = ProjectFactory(created_by=ann)
    for rank in ("b", "aV", "B", "a", "1", "aB"):
        TaskFactory(created_by=ann, project=project, title=rank, rank=rank)
    first, second = sorted(TaskFactory.create_batch(2, created_by=ann, project=project, rank="Z"), key=lambda t: t.pk)
    Task.objects.filter(pk=first.pk).update(title="Z1")
    Task.objects.filter(pk=second.pk).update(title="Z2")
    ordered = ["1", "B", "Z1", "Z2", "a", "aB", "aV", "b"]
    for actor, scope in ((ann, {}), (ann, {"project_id": str(project.pk)}), (administrator, {})):
        assert titles(api, actor, **scope) == ordered


def test_two_who_move_a_task_at_once_do_not_overwrite_each_other(api: Transport, ann: User, bob: User) -> None:
    task = task_message(TaskFactory(created_by=ann, assigned_to=bob))
    api(UPDATE, move(task, "a", version=1), actor=ann)
    late = api.failure(UPDATE, move(task, "b", version=1), actor=bob)
    assert (late.reason, late.metadata) == ("STALE", {"current_version": "2"})
    assert Task.objects.get().rank == "a"


@pytest.mark.parametrize("rank", ["a0", "0", "a b", "ä", "a-b", "a" * (MAX_RANK_LENGTH + 1)])
def test_what_is_no_rank_is_refused(api: Transport, ann: User, rank: str) -> None:
    task = task_message(TaskFactory(created_by=ann))
    code = "max_length" if len(rank) > MAX_RANK_LENGTH else "invalid"
    assert api.failure(UPDATE, move(task, rank), actor=ann).fields == {"rank": code}
    assert api.failure(CREATE, CreateTaskRequest(title="t", rank=rank), actor=ann).fields == {"rank": code}


def test_longest_rank_is_accepted(api: Transport, ann: User) -> None:
    longest = "z" * MAX_RANK_LENGTH
    assert api(CREATE, CreateTaskRequest(title="t", rank=longest), actor=ann).rank == longest


def test_tasks_of_before_there_were_ranks_have_that_of_their_creation(db: None, ann: User) -> None:
    moments = [datetime.datetime(2026, 3, 1, 12, 0, 0, micro, tzinfo=datetime.UTC) for micro in (0, 1, 999_999)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT tasks_rank_at(m) FROM unnest(%s::timestamptz[]) AS m", [moments])
        in_database = [rank for (rank,) in cursor.fetchall()]
    assert in_database == [rank_at(moment) for moment in moments] == sorted(in_database)
    assert in_database[-1] < new_rank() < new_rank()
    task = TaskFactory(created_by=ann, created_at=moments[0])
    image = {
        name: value for name, value in (Change.objects.get(subject_id=task.pk).new or {}).items() if name != "rank"
    }
    assert task_from_image(image).rank == in_database[0]
    assert task_message(subjects.of("task").row(image)).rank == in_database[0]
    # A writer that does not know of ranks gets the next one.
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tasks_task SET rank = DEFAULT")
    task.refresh_from_db()
    assert in_database[-1] < task.rank < new_rank()
