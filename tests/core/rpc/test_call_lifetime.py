"""A call that has ended is over. grpcio counts it among its connection's open streams as long as anything holds it, so
none may hold itself and wait for the garbage collector.
"""

from typing import Any

import grpc
import pytest
from django.core.exceptions import PermissionDenied

from tandem.example.v1.example_pb2 import ListUsersRequest
from tests.support.example_service import PATIENCE, ExampleHandlers, Serve, Served

MAX_STREAMS = 5


@pytest.fixture
def served(handlers: ExampleHandlers, serve: Serve, settings: Any) -> Served:
    settings.GRPC_MAX_STREAMS_PER_CONNECTION = MAX_STREAMS
    settings.GRPC_MESSAGE_WAIT_SECONDS = 1
    return serve(handlers.service())


@pytest.mark.usefixtures("without_garbage_collector")
def test_answered_calls_are_released(served: Served) -> None:
    for _ in range(4 * MAX_STREAMS):
        assert served.example.ListUsers(ListUsersRequest(), timeout=PATIENCE).total_count == 7


@pytest.mark.usefixtures("without_garbage_collector")
def test_failed_calls_are_released(served: Served, handlers: ExampleHandlers) -> None:
    def fail() -> None:
        raise PermissionDenied("You may not.")

    handlers.step = fail
    for _ in range(4 * MAX_STREAMS):
        with pytest.raises(grpc.RpcError) as caught:
            served.example.ListUsers(ListUsersRequest(), timeout=PATIENCE)
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.usefixtures("without_garbage_collector")
def test_silent_calls_are_released(served: Served) -> None:
    for _ in range(4):
        calls = [served.half_open("/example.ExampleService/ListUsers") for _ in range(MAX_STREAMS)]
        assert {call.exception(PATIENCE).code() for call in calls} == {grpc.StatusCode.DEADLINE_EXCEEDED}
