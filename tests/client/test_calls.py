"""Calls through the client: errors with types, deadlines, writes that happen once."""

import asyncio
import json
import secrets
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

import tandem.client
from config.rpc import services
from core.errors import TABLE
from tandem.client import (
    AlreadyExists,
    AsyncClient,
    Client,
    CursorInvalid,
    DeadlineExceeded,
    Invalid,
    NotFound,
    RateLimited,
    Stale,
    TandemError,
    Unauthenticated,
    Unavailable,
    errors,
)
from tandem.client.channel import KEYED, NEVER_REPEATED, REPEATABLE
from tandem.task.v1.task_pb2 import (
    CreateTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Task,
    TaskCommand,
    UpdateTaskRequest,
    WatchTasksRequest,
)
from tandem.user.v1.user_pb2 import CreateUserRequest, GetUserRequest
from tests.client.conftest import NewClient
from tests.support.client_server import Server
from tests.support.proxy import Proxy
from tests.support.servers import until

# Marked, so that there is a database; they reach it through the server only.
pytestmark = [pytest.mark.real_server, pytest.mark.django_db]

UNKNOWN = "00000000-0000-7000-8000-000000000000"


class FailedCall:
    """An error of grpcio with a reason of the server, and a status that no class is for."""

    def __init__(self, reason: str) -> None:
        status = Status()
        status.details.add().Pack(ErrorInfo(reason=reason))
        self._trailing = (("grpc-status-details-bin", status.SerializeToString()),)

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return ""

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        return self._trailing


def test_each_reason_of_the_server_has_a_class() -> None:
    classes = {reason: type(errors.error_of(FailedCall(reason))) for reason in TABLE}
    assert {reason: kind.reason for reason, kind in classes.items()} == {reason: reason for reason in TABLE}
    assert all(getattr(tandem.client, kind.__name__) is kind for kind in classes.values())


def test_http_response_has_the_code_of_its_reason() -> None:
    # These statuses stand for several codes.
    for reason, spec in TABLE.items():
        if spec.http_status not in (409, 412):
            body = json.dumps({"reason": reason}).encode()
            assert errors.problem_of(spec.http_status, {}, body).code.value[0] == spec.grpc_code, reason


@pytest.mark.parametrize("address", ["http://localhost:50051", "https://localhost:50051", "HTTP://localhost"])
def test_url_as_the_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"host and port.*tandem\.example\.com:443"):
        Client(address)

    async def connect() -> None:
        AsyncClient(address)

    with pytest.raises(ValueError, match="host and port"):
        asyncio.run(connect())


def test_only_writes_with_secret_answers_are_not_repeated() -> None:
    secret = {f"/{operation.name}" for service in services for operation in service.operations if operation.secret}
    assert secret == NEVER_REPEATED


def test_every_other_unary_call_is_repeated() -> None:
    unary = {
        f"/{operation.name}"
        for service in services
        for operation in service.operations
        if not (operation.takes_stream or operation.answers_stream)
    }
    assert unary - NEVER_REPEATED <= REPEATABLE
    assert {f"/{op.name}" for service in services for op in service.operations if op.writes} & REPEATABLE <= KEYED


def test_unknown_id_raises_not_found(client: Client) -> None:
    with pytest.raises(NotFound, match=f"User not found: {UNKNOWN}") as caught:
        client.users.GetUser(GetUserRequest(user_id=UNKNOWN))
    assert (caught.value.code, caught.value.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
    assert caught.value.from_server
    assert caught.value.request_id
    assert isinstance(caught.value.__cause__, grpc.RpcError)


def test_every_bad_field_is_named(client: Client) -> None:
    with pytest.raises(Invalid) as caught:
        client.users.CreateUser(CreateUserRequest(email="not an address", password="short"))
    assert {(field.field, field.reason) for field in caught.value.fields} >= {
        ("email", "EMAIL"),
        ("password", "PASSWORD_TOO_SHORT"),
    }
    assert all(field.message in str(caught.value) for field in caught.value.fields)


def test_stale_write_raises_the_current_version(client: Client) -> None:
    task = client.tasks.CreateTask(CreateTaskRequest(title="Stale"))
    client.tasks.UpdateTask(UpdateTaskRequest(id=task.id, title="Fresh"))
    with pytest.raises(Stale) as caught:
        client.tasks.UpdateTask(UpdateTaskRequest(id=task.id, title="Late", version=task.version))
    assert caught.value.current_version == task.version + 1


def test_existing_id_raises_already_exists(client: Client) -> None:
    task = client.tasks.CreateTask(CreateTaskRequest(title="Once"))
    with pytest.raises(AlreadyExists):
        client.tasks.CreateTask(CreateTaskRequest(title="Twice", id=task.id))


def test_a_forged_token_is_refused(server: Server, new_client: NewClient) -> None:
    with new_client(server.address, token="forged") as client, pytest.raises(Unauthenticated):
        client.tasks.GetTask(GetTaskRequest(id=UNKNOWN))


def test_contradictory_credentials_are_refused(new_client: NewClient) -> None:
    for credentials in ({"token": "a", "api_key": "b"}, {"token": "a", "refresh_token": "b"}, {"email": "a@b.c"}):
        with pytest.raises(ValueError):
            new_client("127.0.0.1:1", **credentials)


def test_errors_of_streams_have_types_too(client: Client, new_client: NewClient) -> None:
    with pytest.raises(CursorInvalid) as caught:
        next(client.tasks.WatchTasks(WatchTasksRequest(cursor="made up")))
    assert [field.field for field in caught.value.fields] == ["cursor"]
    with new_client("127.0.0.1:1", email="a@example.com", password="x") as away, pytest.raises(Unavailable):
        next(away.tasks.WatchTasks(WatchTasksRequest()))


def test_streams_of_every_kind_can_be_called(client: Client) -> None:
    made = client.tasks.BulkCreateTasks(CreateTaskRequest(title=f"Bulk {number}") for number in range(3))
    assert made.success_count == 3

    def commands() -> Iterator[TaskCommand]:
        for task in made.tasks:
            yield TaskCommand(get=GetTaskRequest(id=task.id))

    answers = client.tasks.ProcessTaskStream(commands())
    assert [answer.task.id for answer in answers] == [task.id for task in made.tasks]


def test_a_call_without_a_timeout_has_one(server: Server, new_client: NewClient) -> None:
    with new_client(server.address, timeout=0.5) as client:
        client.users.HealthCheck(Empty())
        server.send(signal.SIGSTOP)
        try:
            begun = time.monotonic()
            with pytest.raises(DeadlineExceeded):
                client.users.HealthCheck(Empty())
            assert time.monotonic() - begun < 5
        finally:
            server.send(signal.SIGCONT)


def test_write_with_a_lost_answer_happens_once(client: Client, proxy: Proxy, new_client: NewClient) -> None:
    label = secrets.token_hex(4)

    def made() -> list[Task]:
        return list(client.tasks.ListTasks(ListTasksRequest(labels=[label])).tasks)

    with new_client(proxy.address) as behind, ThreadPoolExecutor(1) as pool:
        behind.users.HealthCheck(Empty())
        proxy.swallows = True
        answer = pool.submit(behind.tasks.CreateTask, CreateTaskRequest(title="Once", labels=[label]))
        until(lambda: bool(made()), "the write has happened")
        proxy.swallows = False
        proxy.cut()
        assert [answer.result(20)] == made()


def test_unreachable_server_raises_unavailable(new_client: NewClient) -> None:
    with new_client("127.0.0.1:1") as client, pytest.raises(Unavailable) as caught:
        client.users.HealthCheck(Empty())
    assert not caught.value.from_server


def test_errors_are_one_family() -> None:
    assert issubclass(RateLimited, TandemError)
    assert str(TandemError("No.", reason="X")) == "X: No."
