"""Metadata that a handler receives, and the trailing metadata of its response."""

from typing import Any

import pytest

from core.auth import ANONYMOUS
from core.errors import AlreadyExists
from core.preconditions import exactly
from tandem.example.v1.example_pb2 import CreateUserRequest, ListUsersRequest
from tests.support.example_service import PATIENCE, ExampleHandlers, Serve
from tests.support.rpc_failures import failure_of

pytestmark = pytest.mark.real_server


def test_handler_receives_metadata_and_caller(handlers: ExampleHandlers, serve: Serve) -> None:
    served = serve(handlers.service())
    sent = [("if-match", '"3"'), ("x-total-count", "exact"), ("user-agent", "ignored")]
    served.example.CreateUser(CreateUserRequest(name="Ann"), metadata=sent, timeout=PATIENCE)
    (call,) = handlers.calls
    assert call.operation.name == "example.ExampleService/CreateUser"
    assert call.actor == ANONYMOUS.actor
    assert call.address == "127.0.0.1"
    assert "grpc-python" in call.user_agent
    assert handlers.expected_version == exactly(3)
    assert call.exact_count


def test_forwarded_address_counts_only_behind_a_trusted_proxy(
    handlers: ExampleHandlers, serve: Serve, settings: Any
) -> None:
    served = serve(handlers.service())
    sent = [("x-forwarded-for", "203.0.113.9, 198.51.100.7")]
    served.example.ListUsers(ListUsersRequest(), metadata=sent, timeout=PATIENCE)
    settings.GRPC_TRUSTED_PROXIES = 1
    served.example.ListUsers(ListUsersRequest(), metadata=sent, timeout=PATIENCE)
    # A proxy that adds a line of its own adds the last one.
    lines = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.8:4711")]
    served.example.ListUsers(ListUsersRequest(), metadata=lines, timeout=PATIENCE)
    assert [call.address for call in handlers.calls] == ["127.0.0.1", "198.51.100.7", "198.51.100.8"]


def test_valid_request_id_is_kept_and_invalid_one_replaced(handlers: ExampleHandlers, serve: Serve) -> None:
    served = serve(handlers.service())

    def answered_id(sent: str) -> str:
        _, call = served.example.ListUsers.with_call(
            ListUsersRequest(), metadata=[("x-request-id", sent)], timeout=PATIENCE
        )
        return str(dict(call.trailing_metadata())["x-request-id"])

    assert answered_id("mobile-42.a") == "mobile-42.a"
    assert answered_id("two words") not in ("", "two words")
    assert answered_id("x" * 129) != "x" * 129


def test_failure_carries_the_request_id(handlers: ExampleHandlers, serve: Serve) -> None:
    handlers.failure = AlreadyExists("There is one.")
    served = serve(handlers.service())
    failure = failure_of(
        served.example.CreateUser, CreateUserRequest(), metadata=[("x-request-id", "abc")], timeout=PATIENCE
    )
    assert failure.trailing["x-request-id"] == "abc"


@pytest.mark.django_db(transaction=True)
def test_replayed_response_is_marked(handlers: ExampleHandlers, serve: Serve) -> None:
    served = serve(handlers.service())

    def create() -> tuple[Any, Any]:
        return served.example.CreateUser.with_call(
            CreateUserRequest(name="Ann"), metadata=[("idempotency-key", "once")], timeout=PATIENCE
        )

    (first, first_call), (second, second_call) = create(), create()
    assert first == second
    assert len(handlers.calls) == 1
    assert "idempotent-replayed" not in dict(first_call.trailing_metadata())
    assert dict(second_call.trailing_metadata())["idempotent-replayed"] == "true"
