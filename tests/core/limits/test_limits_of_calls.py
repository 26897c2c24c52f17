"""The limits on calls, the same over all transports and with one budget for all."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from prometheus_client import REGISTRY

from core.limits import charging, costs
from tandem.auth.v1.auth_pb2 import LoginRequest
from tandem.task.v1.task_pb2 import CreateTaskRequest, GetTaskRequest
from tandem.user.v1.user_pb2 import GetUserRequest, SearchUsersRequest
from tests.support.grpc_transport import CallContext, GrpcTransport
from tests.support.rest_transport import RestTransport
from tests.support.transports import OPERATIONS, Transport
from tests.support.web_transport import WebTransport
from users.models import User

NAMES = ("limit", "remaining", "reset", "policy")


@pytest.fixture
def limited(settings: Any) -> Iterator[Any]:
    settings.RATE_LIMIT_ANONYMOUS, settings.RATE_LIMIT_USER, settings.RATE_LIMIT_PEER = 3, 20, 30
    yield settings
    charging.forget()


def over_http(path: str, **headers: str) -> Any:
    return Client(HTTP_HOST="localhost").get(path, headers=headers)


def over_grpc(operation: str, request: Any, *metadata: tuple[str, str]) -> CallContext:
    context = CallContext(metadata)
    handler: Any = GrpcTransport().handlers[f"/{OPERATIONS[operation].name}"]
    handler.stream_unary(iter([request.SerializeToString()]), context)
    return context


def counted(kind: str, decision: str) -> float:
    labels = {"kind": kind, "decision": decision}
    return REGISTRY.get_sample_value("tandem_limits_calls_total", labels) or 0.0


def test_calls_beyond_the_budget_are_refused(api: Transport, ann: User, limited: Any) -> None:
    refused = counted("user", "refused")
    for _ in range(4):
        api("TaskService/CreateTask", CreateTaskRequest(title="t"), actor=ann)
    failed = api.failure("TaskService/CreateTask", CreateTaskRequest(title="t"), actor=ann)
    assert (failed.reason, failed.message) == ("RATE_LIMITED", "Rate limit exceeded")
    assert counted("user", "refused") == refused + 1
    # Health is free, and answers in any case.
    for _ in range(5):
        api("UserService/HealthCheck", Empty(), actor=ann)


def test_caller_without_credentials_has_calls_by_address(api: Transport, db: None, limited: Any) -> None:
    limited.TRUSTED_PROXIES = limited.GRPC_TRUSTED_PROXIES = 1
    login = LoginRequest(email="nobody@example.com", password="wrong-password")

    def reason(address: str) -> str:
        return api.failure("AuthService/Login", login, forwarded_for=address).reason

    # Each call counts 1, refused ones with a wrong credential too. A proxy's port is no part of an address.
    assert [reason(f"192.0.2.1:{port}") for port in (1001, 1002)] == ["UNAUTHENTICATED"] * 2
    wrong = {"authorization": "Bearer wrong", "forwarded_for": "192.0.2.1"}
    assert api.failure("UserService/GetUser", GetUserRequest(user_id="me"), **wrong).reason == "UNAUTHENTICATED"
    assert api.failure("UserService/GetUser", GetUserRequest(user_id="me"), **wrong).reason == "RATE_LIMITED"
    assert reason("192.0.2.1") == "RATE_LIMITED"
    assert reason("192.0.2.2") == "UNAUTHENTICATED"
    # The addresses of an IPv6 /64 are one caller.
    addresses = ["2001:db8:0:1::1", "[2001:db8:0:1::2]:443", "2001:db8:0:1:ffff::", "2001:db8:0:1::9"]
    assert [reason(one) for one in addresses] == ["UNAUTHENTICATED"] * 3 + ["RATE_LIMITED"]
    assert reason("2001:db8:0:2::1") == "UNAUTHENTICATED"


def test_one_budget_for_all_transports(db: None, ann: User, bob: User, limited: Any) -> None:
    rest, grpc = RestTransport(), GrpcTransport()
    task = rest("TaskService/CreateTask", CreateTaskRequest(title="t"), actor=ann)
    grpc("UserService/SearchUsers", SearchUsersRequest(query="ann"), actor=ann)
    for _ in range(5):
        rest("TaskService/GetTask", GetTaskRequest(id=task.id), actor=ann)
        grpc("TaskService/GetTask", GetTaskRequest(id=task.id), actor=ann)
    for transport in (rest, grpc, WebTransport()):
        failed = transport.failure("TaskService/GetTask", GetTaskRequest(id=task.id), actor=ann)
        assert failed.reason == "RATE_LIMITED"
    # Another session of the same user has the same budget; another user has another.
    assert GrpcTransport().failure("TaskService/GetTask", GetTaskRequest(id="x"), actor=ann).reason == "RATE_LIMITED"
    assert rest("UserService/GetUser", GetUserRequest(user_id="me"), actor=bob)


def test_administrators_have_the_budget_of_peers(api: Transport, administrator: User, limited: Any) -> None:
    for _ in range(30):
        api("UserService/GetUser", GetUserRequest(user_id="me"), actor=administrator)
    failed = api.failure("UserService/GetUser", GetUserRequest(user_id="me"), actor=administrator)
    assert failed.reason == "RATE_LIMITED"


def test_every_response_states_the_budget(db: None, ann: User, limited: Any) -> None:
    bearer = RestTransport().bearer(ann)
    answer = over_http("/api/v1/users/me", authorization=bearer)
    assert [answer.headers[f"RateLimit-{name.capitalize()}"] for name in NAMES[:2]] == ["20", "19"]
    assert (answer.headers["RateLimit-Policy"], answer.headers["RateLimit-Reset"]) == ("20;w=60", "61")
    metadata = dict(
        over_grpc("UserService/GetUser", GetUserRequest(user_id="me"), ("authorization", bearer)).sent_metadata
    )
    assert [metadata[f"ratelimit-{name}"] for name in (*NAMES[:2], "policy")] == ["20", "18", "20;w=60"]

    for _ in range(18):
        over_http("/api/v1/users/me", authorization=bearer)
    refused = over_http("/api/v1/users/me", authorization=bearer)
    document = json.loads(refused.content)
    assert (refused.status_code, document["detail"], document["reason"]) == (429, "Rate limit exceeded", "RATE_LIMITED")
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"]
    assert 59 <= int(refused.headers["Retry-After"]) <= 61
    context = over_grpc("UserService/GetUser", GetUserRequest(user_id="me"), ("authorization", bearer))
    metadata = dict(context.sent_metadata)
    assert (context.code().name, metadata["ratelimit-remaining"]) == ("RESOURCE_EXHAUSTED", "0")
    status = Status.FromString(metadata["grpc-status-details-bin"])
    delay: Duration = next(
        RetryInfo.FromString(one.value).retry_delay for one in status.details if one.Is(RetryInfo.DESCRIPTOR)
    )
    assert 58 <= delay.ToTimedelta().total_seconds() <= 61
    # A caller without credentials sees the budget of its address, with the 401 too.
    assert over_http("/api/v1/users/me").headers["RateLimit-Limit"] == "3"


def test_without_limits_nothing_is_counted(db: None, ann: User, settings: Any) -> None:
    assert not settings.RATE_LIMIT_USER  # In the tests, as in development.
    admitted = counted("user", "admitted")
    answer = over_http("/api/v1/users/me", authorization=RestTransport().bearer(ann))
    assert answer.status_code == 200
    assert "RateLimit-Limit" not in answer.headers
    assert counted("user", "admitted") == admitted


def test_limit_of_zero_is_none(api: Transport, ann: User, limited: Any) -> None:
    limited.RATE_LIMIT_USER = 0
    for _ in range(25):
        assert api("UserService/GetUser", GetUserRequest(user_id="me"), actor=ann).user.email == ann.email


def test_preflights_health_and_pieces_of_uploads(db: None, ann: User, limited: Any) -> None:
    client = Client(HTTP_HOST="localhost")
    for _ in range(5):
        assert client.options("/api/v1/users/me").status_code == 204
        assert client.get("/health/live").status_code == 200
    bearer = RestTransport().bearer(ann)
    headers = {"authorization": bearer, "tus-resumable": "1.0.0"}
    codes = [client.head("/api/v1/uploads/none", headers=headers).status_code for _ in range(21)]
    assert codes == [404] * 20 + [429]


def test_each_operation_has_a_cost() -> None:
    by_cost = {name: operation.cost for name, operation in OPERATIONS.items()}
    assert [name for name, cost in by_cost.items() if not cost] == ["UserService/HealthCheck"]
    assert by_cost["UserService/GetUser"] == costs.READ
    assert by_cost["TaskService/CreateTask"] == costs.WRITE
    assert by_cost["TaskService/WatchTasks"] == costs.WATCH
    assert by_cost["TaskService/BulkCreateTasks"] == costs.REQUEST_STREAM
    assert by_cost["MeetingService/UploadRecording"] == costs.UPLOAD
    assert by_cost["MeetingService/DownloadRecording"] == costs.DOWNLOAD
    assert by_cost["AuthService/Login"] == costs.PASSWORD_HASH
    assert by_cost["DrawingService/DownloadBillOfMaterials"] == costs.EXPORT
