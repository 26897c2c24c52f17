"""Failures of gRPC calls: their status, reason and details."""

import json
import logging
from typing import Any

import grpc
import pytest
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db import OperationalError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo

from core.auth import ANONYMOUS
from core.errors import AlreadyExists, RateLimited, Stale
from core.rpc.service_config import RETRY_POLICY
from tandem.example.v1.example_pb2 import CreateUserRequest, ListUsersRequest
from tests.support.example_service import CREATE_USER, PATIENCE, ExampleHandlers, Serve
from tests.support.rpc_failures import failure_of

pytestmark = pytest.mark.real_server


@pytest.mark.parametrize(
    ("raised", "code", "reason"),
    [
        (ValidationError({"email": "Bad."}), grpc.StatusCode.INVALID_ARGUMENT, "INVALID"),
        (PermissionDenied("You may not."), grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN"),
        (ObjectDoesNotExist("Not there."), grpc.StatusCode.NOT_FOUND, "NOT_FOUND"),
        (AlreadyExists("There is one."), grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS"),
        (Stale(current_version=4), grpc.StatusCode.ABORTED, "STALE"),
        (OperationalError("gone"), grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"),
        (ZeroDivisionError("secret"), grpc.StatusCode.INTERNAL, "INTERNAL"),
        (NotImplementedError("secret"), grpc.StatusCode.INTERNAL, "INTERNAL"),
    ],
)
def test_each_exception_has_its_status_and_reason(
    handlers: ExampleHandlers, serve: Serve, raised: Exception, code: grpc.StatusCode, reason: str
) -> None:
    handlers.failure = raised
    failure = failure_of(serve(handlers.service()).example.CreateUser, CreateUserRequest(), timeout=PATIENCE)
    info = failure.only(ErrorInfo)
    assert (failure.code, info.reason, info.domain) == (code, reason, "tandem")


def test_invalid_fields_are_named(handlers: ExampleHandlers, serve: Serve) -> None:
    handlers.failure = ValidationError(
        {
            "email": ValidationError("Not an e-mail.", code="invalid"),
            "name": ValidationError("Too long.", code="max_length"),
        }
    )
    failure = failure_of(serve(handlers.service()).example.CreateUser, CreateUserRequest(), timeout=PATIENCE)
    assert [(v.field, v.description, v.reason) for v in failure.only(BadRequest).field_violations] == [
        ("email", "Not an e-mail.", "INVALID"),
        ("name", "Too long.", "MAX_LENGTH"),
    ]


def test_failure_carries_current_version_and_retry_delay(handlers: ExampleHandlers, serve: Serve) -> None:
    served = serve(handlers.service())
    handlers.failure = Stale(current_version=4)
    stale = failure_of(served.example.CreateUser, CreateUserRequest(), timeout=PATIENCE)
    assert stale.only(ErrorInfo).metadata["current_version"] == "4"
    handlers.failure = RateLimited("Slowly.", retry_after_seconds=2.5)
    limited = failure_of(served.example.CreateUser, CreateUserRequest(), timeout=PATIENCE)
    assert limited.only(RetryInfo).retry_delay.ToSeconds() == 2


def test_more_violations_than_metadata_holds_are_counted(handlers: ExampleHandlers, serve: Serve) -> None:
    handlers.failure = ValidationError({f"addresses.{number}.line1": "Zu läng. " * 5 for number in range(2_000)})
    served = serve(handlers.service())
    # A client refuses metadata above its soft limit at random, so one answer that gets through proves nothing.
    for _ in range(20):
        failure = failure_of(served.example.CreateUser, CreateUserRequest(), timeout=PATIENCE)
        assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
        named = len(failure.only(BadRequest).field_violations)
        assert named > 20
        assert int(failure.only(ErrorInfo).metadata["more_violations"]) == 2_000 - named
        assert len(failure.trailing["grpc-status-details-bin"]) < 8_000


def test_internal_error_shows_only_an_id_and_is_logged_under_it(
    handlers: ExampleHandlers, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    handlers.failure = ZeroDivisionError("the secret plan")
    failure = failure_of(serve(handlers.service()).example.CreateUser, CreateUserRequest(), timeout=PATIENCE)
    error_id = failure.only(ErrorInfo).metadata["error_id"]
    assert error_id in failure.message
    assert "secret plan" not in failure.message + str(failure.details)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.call["error_id"] == error_id
    assert record.exc_info[1] is handlers.failure


def test_undecodable_message_is_invalid_argument(handlers: ExampleHandlers, serve: Serve) -> None:
    served = serve(handlers.service())
    for nonsense in (b"\xff\xff\xff", b"\x0a\x05abc", b"\x0a\x02\xff\xfe"):
        failure = failure_of(served.channel.unary_unary(CREATE_USER), nonsense, timeout=PATIENCE)
        assert (failure.code, failure.only(ErrorInfo).reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID")
    assert not handlers.calls


def test_call_without_a_message_is_invalid_argument(handlers: ExampleHandlers, serve: Serve) -> None:
    failure = failure_of(serve(handlers.service()).channel.stream_unary(CREATE_USER), iter(()), timeout=PATIENCE)
    assert (failure.code, failure.only(ErrorInfo).reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID")


def test_unknown_method_is_unimplemented(handlers: ExampleHandlers, serve: Serve) -> None:
    served = serve(handlers.service("ListUsers"))
    for path in (CREATE_USER, "/example.ExampleService/Nothing", "/nobody.v1.Service/Nothing"):
        failure = failure_of(served.channel.unary_unary(path), b"", timeout=PATIENCE)
        assert (failure.code, failure.only(ErrorInfo).reason) == (grpc.StatusCode.UNIMPLEMENTED, "METHOD_NOT_ALLOWED")


def database_is_away(authorization: str | None) -> Any:
    raise OperationalError("connection refused")


def test_database_outage_fails_only_operations_that_need_the_database(
    handlers: ExampleHandlers, serve: Serve, settings: Any
) -> None:
    settings.AUTHENTICATE = f"{__name__}.database_is_away"
    served = serve(handlers.service())
    sent = [("authorization", "Bearer whatever")]
    assert served.example.ListUsers(ListUsersRequest(), metadata=sent, timeout=PATIENCE).total_count == 7
    assert handlers.calls[0].actor == ANONYMOUS.actor
    failure = failure_of(served.example.CreateUser, CreateUserRequest(), metadata=sent, timeout=PATIENCE)
    assert failure.code is grpc.StatusCode.UNAVAILABLE
    assert failure.only(RetryInfo).retry_delay.ToSeconds() >= 1


@pytest.mark.parametrize(
    ("delay", "calls"),
    [
        pytest.param(0.1, 4, id="soon, so that the client repeats the call"),
        pytest.param(60, 1, id="late, so that the caller decides"),
    ],
)
def test_clients_with_a_retry_policy_repeat_a_limited_call_if_it_may_soon_succeed(
    handlers: ExampleHandlers, serve: Serve, delay: float, calls: int
) -> None:
    # A client that did not follow the server's time would still wait for the first of its own.
    served = serve(handlers.service(), channel_options=retrying(f"{PATIENCE}s"))
    handlers.failure = RateLimited("Slowly.", retry_after_seconds=delay)
    failure = failure_of(served.example.CreateUser, CreateUserRequest(), timeout=PATIENCE)
    assert failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(handlers.calls) == calls


def test_clients_with_a_retry_policy_repeat_a_call_that_the_server_could_not_handle(
    handlers: ExampleHandlers, serve: Serve
) -> None:
    served = serve(handlers.service(), channel_options=retrying("0.1s"))
    handlers.failure = OperationalError("gone")
    failure = failure_of(served.example.CreateUser, CreateUserRequest(), timeout=PATIENCE)
    assert failure.code is grpc.StatusCode.UNAVAILABLE
    assert len(handlers.calls) == 4


def retrying(backoff: str) -> list[tuple[str, str]]:
    """Return the options of a channel with our retry policy, but this backoff."""
    policy = RETRY_POLICY | {"initialBackoff": backoff, "maxBackoff": backoff}
    config = {"methodConfig": [{"name": [{"service": "example.ExampleService"}], "retryPolicy": policy}]}
    return [("grpc.service_config", json.dumps(config))]
