"""The interceptor around streams of all kinds."""

import contextlib
import itertools
import queue
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tandem.example.v1.example_pb2 import ListUsersRequest
from tests.support.example_service import PATIENCE, ExampleHandlers, Serve, handled
from tests.support.rpc_failures import RpcFailure, failure_of
from tests.support.servers import until
from tests.support.streaming_service import StreamingService

pytestmark = pytest.mark.real_server


def test_streams_of_all_kinds_are_answered_and_counted(streaming: StreamingService, serve: Serve) -> None:
    channel = serve(streaming.service()).channel
    codes = [("Upload", "client_stream"), ("Download", "server_stream"), ("Chat", "bidi_stream")]
    counted = [handled(f"/test.Streams/{method}", "OK", kind) for method, kind in codes]
    assert channel.stream_unary("/test.Streams/Upload")(iter([b"a", b"b"]), timeout=PATIENCE) == b"a+b"
    assert list(channel.unary_stream("/test.Streams/Download")(b"n", timeout=PATIENCE)) == [b"n 0", b"n 1", b"n 2"]
    chat = channel.stream_stream("/test.Streams/Chat")(iter([b"a", b"b"]), timeout=PATIENCE)
    assert list(chat) == [b"A", b"B"]
    assert "x-request-id" in dict(chat.trailing_metadata())
    assert [handled(f"/test.Streams/{method}", "OK", kind) for method, kind in codes] == [n + 1 for n in counted]


@pytest.mark.usefixtures("without_garbage_collector")
def test_silent_client_stream_ends_with_a_reason_and_is_released(
    streaming: StreamingService, serve: Serve, settings: Any
) -> None:
    settings.UPLOAD_IDLE_SECONDS = 0.1
    # grpcio counts a call among its connection's open streams as long as anything holds it.
    settings.GRPC_MAX_STREAMS_PER_CONNECTION = 3
    channel = serve(streaming.service()).channel
    for _ in range(12):
        sent: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        sent.put(b"a")
        call = channel.stream_unary("/test.Streams/Upload").future(iter(sent.get, b""), timeout=PATIENCE)
        error: Any = call.exception()
        sent.put(b"")
        assert (error.code(), error.details()) == (
            grpc.StatusCode.DEADLINE_EXCEEDED,
            "No message arrived within 0.1 seconds.",
        )


def test_silent_stream_on_another_pool_is_cancelled(streaming: StreamingService, serve: Serve, settings: Any) -> None:
    settings.UPLOAD_IDLE_SECONDS = 0.1
    counted = handled("/test.Streams/Chat", "DEADLINE_EXCEEDED", "bidi_stream")
    sent: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    # Its pool receives no first messages, so that messages come from grpcio alone.
    call = serve(streaming.service()).channel.stream_stream("/test.Streams/Chat")(iter(sent.get, b""), timeout=PATIENCE)
    assert call.exception().code() is grpc.StatusCode.CANCELLED
    sent.put(b"")
    until(lambda: handled("/test.Streams/Chat", "DEADLINE_EXCEEDED", "bidi_stream") == counted + 1)


def test_stream_that_fails_midway_ends_with_its_status(streaming: StreamingService, serve: Serve) -> None:
    call = serve(streaming.service()).channel.unary_stream("/test.Streams/Download")(b"fail", timeout=PATIENCE)
    received = []
    with pytest.raises(grpc.RpcError) as caught:
        received.extend(iter(call))
    failure = RpcFailure(caught.value)
    assert (failure.code, failure.only(ErrorInfo).reason) == (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")


def test_stream_whose_client_cancels_is_cleaned_up_and_counted(streaming: StreamingService, serve: Serve) -> None:
    counted = handled("/test.Streams/Download", "CANCELLED", "server_stream")
    call = serve(streaming.service()).channel.unary_stream("/test.Streams/Download")(b"for ever", timeout=PATIENCE)
    assert next(call) == b"for ever 0"
    call.cancel()
    assert streaming.ended.get(timeout=PATIENCE) == "download"
    until(lambda: handled("/test.Streams/Download", "CANCELLED", "server_stream") == counted + 1)


def test_client_that_does_not_read_responses_is_cut_off(
    streaming: StreamingService, serve: Serve, settings: Any
) -> None:
    settings.STREAM_STALL_SECONDS = 0.2

    def count() -> float:
        # The handler is closed, or fails first at its wait for the next message.
        return sum(handled("/test.Streams/Chat", code, "bidi_stream") for code in ("CANCELLED", "RESOURCE_EXHAUSTED"))

    counted = count()
    port = serve(streaming.service()).server.port
    # Otherwise the client would buffer what it does not read.
    small_buffers = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 1024)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", small_buffers) as channel:
        call = channel.stream_stream("/test.Streams/Chat")(itertools.repeat(bytes(500_000), 20), timeout=60)
        until(lambda: count() == counted + 1)
        with pytest.raises(grpc.RpcError) as caught:
            list(call)
        assert caught.value.code() is grpc.StatusCode.CANCELLED


def test_handler_runs_on_its_own_thread_pool(streaming: StreamingService, serve: Serve) -> None:
    channel = serve(streaming.service()).channel
    list(channel.stream_stream("/test.Streams/Chat")(iter([b"a"]), timeout=PATIENCE))
    channel.stream_unary("/test.Streams/Upload")(iter([b"a"]), timeout=PATIENCE)
    assert streaming.threads == {"chat": "own-pool", "upload": "grpc-uploads"}


def test_callback_streams_hold_no_thread(streaming: StreamingService, serve: Serve) -> None:
    channel = serve(streaming.service(), workers=2).channel
    watches = [channel.unary_stream("/test.Streams/Watch")(b"", timeout=PATIENCE) for _ in range(50)]
    sends = [streaming.sends.get(timeout=PATIENCE) for _ in watches]
    assert channel.stream_unary("/test.Streams/Upload")(iter([b"a"]), timeout=PATIENCE) == b"a"
    for send in sends:
        send(b"news")
        send(None)
    assert [list(watch) for watch in watches] == [[b"news"]] * 50


def test_health_is_watched_without_holding_a_thread(handlers: ExampleHandlers, serve: Serve) -> None:
    served = serve(handlers.service(), workers=2)
    stub = health_pb2_grpc.HealthStub(served.channel)
    watches = [stub.Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE) for _ in range(50)]
    assert {next(watch).status for watch in watches} == {health_pb2.HealthCheckResponse.SERVING}
    assert (
        stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE).status == health_pb2.HealthCheckResponse.SERVING
    )
    assert served.example.ListUsers(ListUsersRequest(), timeout=PATIENCE).total_count == 7
    served.server.drain()
    assert {next(watch).status for watch in watches} == {health_pb2.HealthCheckResponse.NOT_SERVING}


def test_callback_stream_is_counted_when_it_ends(streaming: StreamingService, serve: Serve) -> None:
    def count(code: str) -> float:
        return handled("/test.Streams/Watch", code, "server_stream")

    channel = serve(streaming.service()).channel
    before = count("OK"), count("CANCELLED"), count("ALREADY_EXISTS")
    well = channel.unary_stream("/test.Streams/Watch")(b"", timeout=PATIENCE)
    send = streaming.sends.get(timeout=PATIENCE)
    assert count("OK") == before[0]
    send(None)
    assert list(well) == []
    left = channel.unary_stream("/test.Streams/Watch")(b"", timeout=PATIENCE)
    send = streaming.sends.get(timeout=PATIENCE)
    left.cancel()
    failure = failure_of(next, channel.unary_stream("/test.Streams/Watch")(b"fail", timeout=PATIENCE))
    assert (failure.code, failure.only(ErrorInfo).reason) == (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")
    after = tuple(number + 1 for number in before)
    until(lambda: (count("OK"), count("CANCELLED"), count("ALREADY_EXISTS")) == after)
    send(b"too late")  # The stream has ended: nothing happens.


def test_callback_streams_end_when_the_server_stops(streaming: StreamingService, serve: Serve) -> None:
    served = serve(streaming.service())
    watch = served.channel.unary_stream("/test.Streams/Watch")(b"", timeout=PATIENCE)
    streaming.sends.get(timeout=PATIENCE)
    ended = served.server.stop(grace=PATIENCE)
    failure = failure_of(next, watch)
    assert (failure.code, failure.only(ErrorInfo).reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
    assert ended.wait(PATIENCE / 2)


def test_number_of_streams_is_limited(streaming: StreamingService, serve: Serve, settings: Any) -> None:
    settings.MAX_STREAMS = 1
    channel = serve(streaming.service()).channel
    watch = channel.unary_stream("/test.Streams/Watch")
    first = watch(b"", timeout=PATIENCE)
    send = streaming.sends.get(timeout=PATIENCE)
    failure = failure_of(next, watch(b"", timeout=PATIENCE))
    assert (failure.code, failure.only(ErrorInfo).reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    send(None)
    assert list(first) == []

    def another_is_taken() -> bool:
        watch(b"", timeout=PATIENCE)
        with contextlib.suppress(queue.Empty):
            return streaming.sends.get(timeout=0.2) is not None
        return False

    until(another_is_taken)
