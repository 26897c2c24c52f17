"""Deadlines, overload, and clients that send nothing."""

import queue
import threading
import time
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc

from core import context
from core.rpc.interceptors import Interceptor
from core.rpc.thread_pool import CallThreadPool
from tandem.example.v1.example_pb2 import GetUserRequest, ListUsersRequest
from tests.support.example_service import GET_USER, LIST_USERS, PATIENCE, ExampleHandlers, Serve, handled
from tests.support.grpc_transport import CallContext, Details
from tests.support.rpc_failures import RpcFailure
from tests.support.servers import until

pytestmark = pytest.mark.real_server


def test_call_whose_deadline_passed_in_the_queue_is_not_run(handlers: ExampleHandlers, serve: Serve) -> None:
    served = serve(handlers.service(), workers=1)
    first = served.example.GetUser.future(GetUserRequest(user_id=1), timeout=PATIENCE)
    assert handlers.begun.get(timeout=PATIENCE) == 1
    with pytest.raises(grpc.RpcError) as caught:
        served.example.GetUser(GetUserRequest(user_id=2), timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    handlers.release.set()
    first.result(PATIENCE)
    served.example.GetUser(GetUserRequest(user_id=3), timeout=PATIENCE)
    assert [handlers.begun.get_nowait()] == [3]


class TooLate(CallContext):
    """The transport's side of a call whose message came, but whose deadline has just passed."""

    def time_remaining(self) -> float:
        return 0


def test_call_past_its_deadline_is_not_run_though_its_message_arrived(handlers: ExampleHandlers) -> None:
    wrapped = Interceptor().intercept_service(handlers.service().handler.service, Details(LIST_USERS))
    late = TooLate(())
    wrapped.stream_unary(iter([b""]), late)
    assert late.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert not handlers.calls


@pytest.mark.parametrize("asked", [None, 3_600])
def test_server_deadline_bounds_a_later_one_of_the_client(
    handlers: ExampleHandlers, serve: Serve, settings: Any, asked: float | None
) -> None:
    settings.MAX_CALL_SECONDS = 0.1

    def take_long() -> None:
        until = context.deadline.get()
        assert until is not None
        while time.monotonic() < until:
            context.check_deadline()
        context.check_deadline()

    handlers.step = take_long
    with pytest.raises(grpc.RpcError) as caught:
        serve(handlers.service()).example.ListUsers(ListUsersRequest(), timeout=asked)
    failure = RpcFailure(caught.value)
    assert (failure.code, failure.only(ErrorInfo).reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")


def test_overload_is_rejected_at_once_and_health_still_answers(
    handlers: ExampleHandlers, serve: Serve, settings: Any
) -> None:
    settings.GRPC_MAX_QUEUE = 3
    served = serve(handlers.service(), workers=2)

    def call() -> Any:
        return served.example.GetUser.future(GetUserRequest(user_id=1), timeout=PATIENCE)

    running = [call(), call()]
    for _ in running:
        handlers.begun.get(timeout=PATIENCE)
    counted = handled(GET_USER, "RESOURCE_EXHAUSTED")
    ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for _ in range(40):
        call().add_done_callback(ended.put)
    # While every worker is held: all but the three that may wait are rejected. A call is counted once its message has
    # arrived, so that one or two more may be admitted at the same moment.
    until(lambda: ended.qsize() >= 35)
    check = health_pb2_grpc.HealthStub(served.channel).Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
    assert check.status == health_pb2.HealthCheckResponse.SERVING

    handlers.release.set()
    outcomes = [ended.get(timeout=PATIENCE).exception() for _ in range(40)]
    assert [call.exception(PATIENCE) for call in running] == [None] * 2
    refused = [RpcFailure(error) for error in outcomes if error is not None]
    assert 35 <= len(refused) <= 37
    assert {failure.code for failure in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert {failure.only(ErrorInfo).reason for failure in refused} == {"RATE_LIMITED"}
    assert {failure.only(RetryInfo).retry_delay.ToSeconds() for failure in refused} == {1}
    assert handled(GET_USER, "RESOURCE_EXHAUSTED") == counted + len(refused)


def test_silent_calls_delay_no_other_and_end_in_time(handlers: ExampleHandlers, serve: Serve, settings: Any) -> None:
    settings.GRPC_MESSAGE_WAIT_SECONDS = 2
    served = serve(handlers.service(), workers=2)
    counted = handled(LIST_USERS, "DEADLINE_EXCEEDED")
    begun = time.monotonic()
    silent = [served.half_open(LIST_USERS) for _ in range(20)]
    silent += [served.half_open("/grpc.health.v1.Health/Check") for _ in range(10)]
    assert served.example.ListUsers(ListUsersRequest(), timeout=PATIENCE).total_count == 7
    health_pb2_grpc.HealthStub(served.channel).Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
    assert time.monotonic() - begun < 2
    assert not any(call.done() for call in silent)
    assert {call.exception(PATIENCE).code() for call in silent} == {grpc.StatusCode.DEADLINE_EXCEEDED}
    assert len(handlers.calls) == 1
    until(lambda: handled(LIST_USERS, "DEADLINE_EXCEEDED") == counted + 20)


def test_silent_calls_hold_no_thread(handlers: ExampleHandlers, serve: Serve, settings: Any) -> None:
    def threads() -> int:
        return sum(thread.name.startswith("grpc") for thread in threading.enumerate())

    settings.GRPC_MESSAGE_WAIT_SECONDS = 2
    served = serve(handlers.service(), workers=2)
    before = threads()
    silent = [served.half_open(LIST_USERS) for _ in range(200)]
    assert served.example.ListUsers(ListUsersRequest(), timeout=PATIENCE).total_count == 7
    assert not any(call.done() for call in silent)
    assert threads() == before
    for call in silent:
        assert call.exception(PATIENCE).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert served.example.ListUsers(ListUsersRequest(), timeout=PATIENCE).total_count == 7
    assert threads() == before


def test_silent_reflection_stream_ends_in_time(serve: Serve, settings: Any) -> None:
    settings.GRPC_MESSAGE_WAIT_SECONDS = 0.5
    served = serve(reflection=True)
    silent = served.half_open("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
    assert silent.exception(PATIENCE).code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_spare_threads_are_limited() -> None:
    pool = CallThreadPool("few", 1, max_spares=2)
    assert [pool.add_spare() for _ in range(3)] == [True, True, False]
    pool.retire_spare()
    assert pool.add_spare()
    pool.end(within=PATIENCE)
    assert not any(thread.name == "few" for thread in threading.enumerate())
