"""A call that has ended is over. grpcio counts it among its connection's open streams as long as anything holds it, so
none may hold itself and wait for the garbage collector.
"""

import time
from collections import Counter
from typing import Any

import grpc
import pytest
from django.core.exceptions import PermissionDenied

from tandem.example.v1.example_pb2 import ListUsersRequest
from tests.support.example_service import LIST_USERS, PATIENCE, ExampleHandlers, Serve, Served

MAX_STREAMS = 5
DEADLINE_EXCEEDED = grpc.StatusCode.DEADLINE_EXCEEDED
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


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
    answered: Counter[grpc.StatusCode] = Counter()
    until = time.monotonic() + 2 * PATIENCE
    while answered[DEADLINE_EXCEEDED] < 4 * MAX_STREAMS and time.monotonic() < until:
        calls = [served.half_open(LIST_USERS) for _ in range(MAX_STREAMS)]
        answered.update(call.exception(PATIENCE).code() for call in calls)
    # A call's status may arrive before the server has released it, and the next stream is then refused.
    assert set(answered) <= {DEADLINE_EXCEEDED, UNAVAILABLE}
    assert answered[DEADLINE_EXCEEDED] >= 4 * MAX_STREAMS
