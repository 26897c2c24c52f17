from typing import Any

from google.rpc import code_pb2

from tandem.task.v1.task_pb2 import (
    TASK_STATUS_DONE,
    CreateTaskRequest,
    DeleteTaskRequest,
    GetTaskRequest,
    TaskCommand,
    UpdateTaskRequest,
)
from tasks.models import Task
from tests.support.factories import ApiKeyFactory, TaskFactory, bearer_of
from tests.support.transports import Transport
from users.models import User

STREAM = "TaskService/ProcessTaskStream"


def outcomes(results: list[Any]) -> list[tuple[str, bool, int]]:
    return [(result.command_id, result.success, result.code) for result in results]


def test_each_command_is_answered_in_its_turn_and_a_bad_one_ends_nothing(api: Transport, ann: User) -> None:
    task, chosen = TaskFactory(created_by=ann), "0198a3c0-0000-7000-8000-000000000001"
    commands = [
        TaskCommand(command_id="create", create=CreateTaskRequest(title="New", id=chosen)),
        TaskCommand(command_id="again", create=CreateTaskRequest(title="New", id=chosen)),
        TaskCommand(command_id="bad", create=CreateTaskRequest()),
        TaskCommand(command_id="update", update=UpdateTaskRequest(id=str(task.pk), status=TASK_STATUS_DONE)),
        TaskCommand(command_id="stale", update=UpdateTaskRequest(id=str(task.pk), title="Late", version=1)),
        TaskCommand(command_id="nothing"),
        TaskCommand(command_id="get", get=GetTaskRequest(id=str(task.pk))),
        TaskCommand(command_id="delete", delete=DeleteTaskRequest(id=str(task.pk))),
        TaskCommand(command_id="gone", get=GetTaskRequest(id=str(task.pk))),
    ]
    results = api(STREAM, commands, actor=ann)
    assert outcomes(results) == [
        ("create", True, 0),
        ("again", False, code_pb2.ALREADY_EXISTS),
        ("bad", False, code_pb2.INVALID_ARGUMENT),
        ("update", True, 0),
        ("stale", False, code_pb2.ABORTED),
        ("nothing", False, code_pb2.INVALID_ARGUMENT),
        ("get", True, 0),
        ("delete", True, 0),
        ("gone", False, code_pb2.NOT_FOUND),
    ]
    by_id = {result.command_id: result for result in results}
    assert (by_id["create"].task.id, by_id["create"].task.title) == (chosen, "New")
    assert by_id["again"].error_message == f"Task with ID '{chosen}' already exists"
    assert by_id["bad"].error_message == "Title is required"
    assert by_id["nothing"].error_message == "Unknown command type"
    assert by_id["update"].task == by_id["get"].task
    assert by_id["get"].task.status == TASK_STATUS_DONE
    assert by_id["delete"].WhichOneof("result") is None
    assert by_id["gone"].error_message == f"Task with ID '{task.pk}' not found"


def test_a_command_with_its_key_is_done_once(api: Transport, ann: User) -> None:
    create = TaskCommand(create=CreateTaskRequest(title="Once", request_id="key"))
    first, second = api(STREAM, [create, create], actor=ann)
    assert first == second
    (third,) = api(STREAM, [create], actor=ann)
    assert third == first
    other = TaskCommand(create=CreateTaskRequest(title="Other", request_id="key"))
    assert outcomes(api(STREAM, [other], actor=ann)) == [("", False, code_pb2.INVALID_ARGUMENT)]
    # The same key, sent with the rpc that the command stands for, is the same write.
    alone = api("TaskService/CreateTask", CreateTaskRequest(title="Once"), actor=ann, idempotency_key="key")
    assert alone == first.task
    assert Task.objects.count() == 1


def test_tasks_of_others_are_not_found(api: Transport, ann: User, bob: User) -> None:
    task = TaskFactory(created_by=bob)
    commands = [
        TaskCommand(get=GetTaskRequest(id=str(task.pk))),
        TaskCommand(update=UpdateTaskRequest(id=str(task.pk), title="Mine")),
        TaskCommand(delete=DeleteTaskRequest(id=str(task.pk))),
    ]
    assert outcomes(api(STREAM, commands, actor=ann)) == [("", False, code_pb2.NOT_FOUND)] * 3


def test_each_command_needs_the_scope_of_its_rpc(api: Transport, ann: User) -> None:
    task = TaskFactory(created_by=ann)
    key = bearer_of(ApiKeyFactory(user=ann, scopes=["tasks:write"]))
    commands = [
        TaskCommand(get=GetTaskRequest(id=str(task.pk))),
        TaskCommand(create=CreateTaskRequest(title="By a program")),
    ]
    results = api(STREAM, commands, authorization=key)
    assert outcomes(results) == [("", False, code_pb2.PERMISSION_DENIED), ("", True, 0)]


def test_an_empty_stream_has_no_answers(api: Transport, ann: User) -> None:
    assert api(STREAM, [], actor=ann) == []
