"""The private parts of grpcio and their public fallbacks, which keep the same promises but hold threads."""

import queue
import threading
import time
from typing import Any

import grpc
import pytest
from grpc import _server
from grpc_health.v1 import health_pb2, health_pb2_grpc

from core.rpc import compat
from tandem.example.v1.example_pb2 import GetUserRequest, ListUsersRequest
from tests.support.example_service import LIST_USERS, PATIENCE, ExampleHandlers, Serve, handled
from tests.support.servers import until
from tests.support.streaming_service import StreamingService

pytestmark = pytest.mark.real_server


@pytest.fixture(params=[True, False], ids=["private", "public"])
def is_private(request: pytest.FixtureRequest, settings: Any) -> bool:
    """Use grpcio's private API, or its public one alone."""
    settings.GRPC_PRIVATE_API = request.param
    return bool(request.param)


def test_installed_grpcio_is_familiar() -> None:
    assert compat.is_familiar()


@pytest.mark.parametrize("name", ["_receive_message", "_unary_response_in_pool", "_select_thread_pool_for_behavior"])
def test_grpcio_without_a_private_part_is_not_familiar(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(_server, name)
    assert not compat.is_familiar()


def test_grpcio_that_reads_no_such_attribute_is_not_familiar(monkeypatch: pytest.MonkeyPatch) -> None:
    def select(behavior: Any, default_thread_pool: Any) -> Any:
        return default_thread_pool

    monkeypatch.setattr(_server, "_select_thread_pool_for_behavior", select)
    assert not compat.is_familiar()


def grpc_threads() -> int:
    return sum(thread.name.startswith("grpc") for thread in threading.enumerate())


def test_silent_calls_delay_no_other_and_end_in_time(
    handlers: ExampleHandlers, serve: Serve, settings: Any, is_private: bool
) -> None:
    settings.GRPC_MESSAGE_WAIT_SECONDS = 2
    served = serve(handlers.service(), workers=2)
    threads = grpc_threads()
    begun = time.monotonic()
    silent = [served.half_open(LIST_USERS) for _ in range(20)]
    assert served.example.ListUsers(ListUsersRequest(), timeout=PATIENCE).total_count == 7
    assert time.monotonic() - begun < 2
    assert (grpc_threads() == threads) == is_private
    # A cancelled call sends no status, so that its client does not get the reason.
    code = grpc.StatusCode.DEADLINE_EXCEEDED if is_private else grpc.StatusCode.CANCELLED
    assert {call.exception(PATIENCE).code() for call in silent} == {code}
    assert served.example.ListUsers(ListUsersRequest(), timeout=PATIENCE).total_count == 7


def test_overload_is_rejected_at_once(handlers: ExampleHandlers, serve: Serve, settings: Any, is_private: bool) -> None:
    settings.GRPC_MAX_QUEUE = 3
    served = serve(handlers.service(), workers=2)
    ended: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def call() -> None:
        served.example.GetUser.future(GetUserRequest(user_id=1), timeout=PATIENCE).add_done_callback(ended.put)

    for _ in range(2):
        call()
        handlers.begun.get(timeout=PATIENCE)
    for _ in range(98):
        call()
    admitted = 2 + 3 + (0 if is_private else compat.MAX_BLOCKING_STREAMS)
    rejected = [ended.get(timeout=PATIENCE).exception().code() for _ in range(100 - admitted)]
    assert set(rejected) == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    handlers.release.set()
    assert [ended.get(timeout=PATIENCE).exception() for _ in range(admitted)] == [None] * admitted


@pytest.mark.usefixtures("without_garbage_collector", "is_private")
def test_ended_calls_are_released(handlers: ExampleHandlers, serve: Serve, settings: Any) -> None:
    settings.GRPC_MAX_STREAMS_PER_CONNECTION = 5
    served = serve(handlers.service())
    for _ in range(20):
        assert served.example.ListUsers(ListUsersRequest(), timeout=PATIENCE).total_count == 7


def test_streams_that_do_not_block_deliver_messages_and_end(
    streaming: StreamingService, serve: Serve, is_private: bool
) -> None:
    channel = serve(streaming.service(), workers=2).channel
    threads = grpc_threads()
    watches = [channel.unary_stream("/test.Streams/Watch")(b"", timeout=PATIENCE) for _ in range(20)]
    sends = [streaming.sends.get(timeout=PATIENCE) for _ in watches]
    assert (grpc_threads() == threads) == is_private
    assert channel.stream_unary("/test.Streams/Upload")(iter([b"a"]), timeout=PATIENCE) == b"a"
    for send in sends:
        send(b"first")
        send(b"second")
        send(None)
    assert [list(watch) for watch in watches] == [[b"first", b"second"]] * len(watches)
    # The upload has started a thread in the pool of its own.
    until(lambda: grpc_threads() == threads + is_private)


@pytest.mark.usefixtures("is_private")
def test_stream_that_does_not_block_is_released_when_its_client_leaves(
    streaming: StreamingService, serve: Serve
) -> None:
    counted = handled("/test.Streams/Watch", "CANCELLED", "server_stream")
    watch = serve(streaming.service()).channel.unary_stream("/test.Streams/Watch")(b"", timeout=PATIENCE)
    send = streaming.sends.get(timeout=PATIENCE)
    send(b"news")
    assert next(watch) == b"news"
    watch.cancel()
    until(lambda: handled("/test.Streams/Watch", "CANCELLED", "server_stream") == counted + 1)
    send(b"late")
    send(None)


def test_streams_have_a_limit_also_where_each_holds_a_thread(
    streaming: StreamingService, serve: Serve, settings: Any
) -> None:
    settings.GRPC_PRIVATE_API = False
    channel = serve(streaming.service()).channel
    watches = [
        channel.unary_stream("/test.Streams/Watch")(b"", timeout=PATIENCE) for _ in range(compat.MAX_BLOCKING_STREAMS)
    ]
    sends = [streaming.sends.get(timeout=PATIENCE) for _ in watches]
    with pytest.raises(grpc.RpcError) as caught:
        next(channel.unary_stream("/test.Streams/Watch")(b"", timeout=PATIENCE))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    for send in sends:
        send(None)
    assert [list(watch) for watch in watches] == [[]] * len(watches)


def test_methods_have_their_own_pool_or_that_of_the_server(
    streaming: StreamingService, serve: Serve, is_private: bool
) -> None:
    channel = serve(streaming.service()).channel
    list(channel.stream_stream("/test.Streams/Chat")(iter([b"a"]), timeout=PATIENCE))
    channel.stream_unary("/test.Streams/Upload")(iter([b"a"]), timeout=PATIENCE)
    assert streaming.threads == (
        {"chat": "own-pool", "upload": "grpc-uploads"} if is_private else {"chat": "grpc", "upload": "grpc"}
    )


@pytest.mark.usefixtures("is_private")
def test_health_is_watched(handlers: ExampleHandlers, serve: Serve) -> None:
    served = serve(handlers.service(), workers=2)
    stub = health_pb2_grpc.HealthStub(served.channel)
    watches = [stub.Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE) for _ in range(10)]
    assert {next(watch).status for watch in watches} == {health_pb2.HealthCheckResponse.SERVING}
    served.server.drain()
    assert {next(watch).status for watch in watches} == {health_pb2.HealthCheckResponse.NOT_SERVING}


def test_client_that_does_not_read_is_cut_off_in_both_ways(
    streaming: StreamingService, serve: Serve, is_private: bool, settings: Any
) -> None:
    settings.GRPC_MESSAGE_WAIT_SECONDS = 0.5
    channel = serve(streaming.service()).channel
    watch = channel.unary_stream("/test.Streams/Watch")(b"", timeout=3 * PATIENCE)
    send = streaming.sends.get(timeout=PATIENCE)
    sender = threading.Thread(target=lambda: [send(bytes(1 << 20)) for _ in range(20)], daemon=True)
    sender.start()
    sender.join(PATIENCE)
    assert not sender.is_alive()
    received = 0
    with pytest.raises(grpc.RpcError) as caught:
        for _ in watch:
            received += 1
    assert received < 20
    assert caught.value.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.CANCELLED)
