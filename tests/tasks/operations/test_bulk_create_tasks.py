import pytest
from google.rpc import code_pb2

from core import bulk
from tandem.task.v1.task_pb2 import CreateTaskRequest
from tasks import handlers
from tasks.models import Task
from tests.support.transports import Failed, Transport
from users.models import Status, User

BULK = "TaskService/BulkCreateTasks"


def test_valid_items_are_created_and_invalid_ones_reported(api: Transport, ann: User, bob: User) -> None:
    items = [
        CreateTaskRequest(title="First", labels=["a"], assigned_to=str(bob.pk)),
        CreateTaskRequest(),
        CreateTaskRequest(title="x" * 201, assigned_to="nobody"),
        CreateTaskRequest(title="Last"),
    ]
    answer = api(BULK, items, actor=ann)
    assert (answer.success_count, answer.committed_through) == (2, 4)
    assert [task.title for task in answer.tasks] == ["First", "Last"]
    assert (answer.tasks[0].assigned_to, answer.tasks[0].created_by) == (str(bob.pk), str(ann.pk))
    assert (answer.tasks[0].version, list(answer.tasks[0].labels)) == (1, ["a"])
    first, second = answer.errors
    assert first.index == 1
    assert first.error_message == "Title is required"
    assert first.code == code_pb2.INVALID_ARGUMENT
    assert [violation.field for violation in first.field_violations] == ["title"]
    assert (second.index, {v.field for v in second.field_violations}) == (2, {"title", "assigned_to"})
    assert Task.objects.count() == 2


def test_an_item_that_cannot_be_read_is_reported_with_its_field(api: Transport, ann: User) -> None:
    unreadable = CreateTaskRequest(title="First", priority=99)  # type: ignore[arg-type]
    answer = api(BULK, [unreadable, CreateTaskRequest(title="Last")], actor=ann)
    assert [task.title for task in answer.tasks] == ["Last"]
    (error,) = answer.errors
    assert (error.index, error.code) == (0, code_pb2.INVALID_ARGUMENT)
    assert [violation.field for violation in error.field_violations] == ["priority"]


def test_an_empty_stream_has_an_empty_answer(api: Transport, ann: User) -> None:
    answer = api(BULK, [], actor=ann)
    assert len(answer.tasks) == 0
    assert answer.success_count == 0
    assert len(answer.errors) == 0
    assert answer.committed_through == 0


def test_existing_id_is_rejected(api: Transport, ann: User) -> None:
    taken = api("TaskService/CreateTask", CreateTaskRequest(title="There"), actor=ann)
    new = "0198a3c0-0000-7000-8000-000000000001"
    items = [CreateTaskRequest(title="Again", id=task_id) for task_id in (taken.id, new, new)]
    answer = api(BULK, items, actor=ann)
    assert [task.id for task in answer.tasks] == [new]
    assert [(e.index, e.code) for e in answer.errors] == [(0, code_pb2.ALREADY_EXISTS), (2, code_pb2.ALREADY_EXISTS)]
    assert answer.errors[0].error_message == f"Task with ID '{taken.id}' already exists"


def test_an_item_with_its_key_is_made_once(api: Transport, ann: User, bob: User) -> None:
    items = [CreateTaskRequest(title=f"Task {number}", request_id=f"key-{number}") for number in range(3)]
    first = api(BULK, items[:2], actor=ann)
    again = api(BULK, items, actor=ann)
    assert again.success_count == 3
    assert again.committed_through == 3
    assert list(again.errors) == []
    assert list(again.tasks)[:2] == list(first.tasks)
    assert Task.objects.count() == 3
    reused = api(BULK, [CreateTaskRequest(title="Other", request_id="key-0")], actor=ann)
    assert (reused.success_count, reused.errors[0].code) == (0, code_pb2.INVALID_ARGUMENT)
    # A key is its caller's.
    assert api(BULK, items[:1], actor=bob).tasks[0].id != first.tasks[0].id


def test_replay_reports_tasks_whose_assignee_was_deleted(api: Transport, ann: User, bob: User) -> None:
    item = CreateTaskRequest(title="Task", assigned_to=str(bob.pk), request_id="key")
    made = api(BULK, [item], actor=ann).tasks[0]
    bob.status = Status.BANNED
    bob.save()
    again = api(BULK, [item], actor=ann)
    assert (list(again.tasks), list(again.errors)) == ([made], [])


def test_atomic_mode_writes_all_or_nothing(api: Transport, ann: User) -> None:
    items = [CreateTaskRequest(title="Good"), CreateTaskRequest(), CreateTaskRequest(title="Good, too")]
    answer = api(BULK, items, actor=ann, bulk_mode="atomic")
    assert answer.success_count == 0
    assert len(answer.tasks) == 0
    assert answer.committed_through == 3
    assert [error.index for error in answer.errors] == [1]
    assert not Task.objects.exists()
    whole = api(BULK, [items[0], items[2]], actor=ann, bulk_mode="atomic")
    assert (whole.success_count, len(whole.tasks)) == (2, 2)
    with pytest.raises(Failed) as failed:
        api(BULK, items, actor=ann, bulk_mode="sometimes")
    assert failed.value.fields == {"x-bulk-mode": "choice"}


def test_atomic_mode_limits_the_number_of_items(api: Transport, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk.stream, "MAX_ATOMIC", 2)
    with pytest.raises(Failed) as failed:
        api(BULK, [CreateTaskRequest(title="x")] * 3, actor=ann, bulk_mode="atomic")
    assert failed.value.fields == {"x-bulk-mode": "max_items"}
    assert not Task.objects.exists()


def test_tasks_beyond_the_limit_are_only_counted(api: Transport, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "MAX_CREATED_BYTES", 2_000)
    answer = api(BULK, [CreateTaskRequest(title="x" * 100) for _ in range(30)], actor=ann)
    assert len(answer.tasks) == 0
    assert answer.success_count == 30
    assert answer.committed_through == 30


def test_a_chunk_costs_a_handful_of_queries(api: Transport, ann: User, django_assert_max_num_queries: object) -> None:
    items = [CreateTaskRequest(title=f"Task {number}", request_id=f"key-{number}") for number in range(100)]
    api(BULK, items[:1], actor=ann)
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        assert api(BULK, items, actor=ann).success_count == 100
