"""What surrounds every call over gRPC, on real ports: nothing here may depend on what grpcio is thought to do."""

import contextlib
import gc
import logging
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import grpc
import pytest
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db import OperationalError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import REGISTRY

from core import context
from core.auth import ANONYMOUS
from core.errors import AlreadyExists, RateLimited, Stale
from core.preconditions import exactly
from core.rpc.interceptors import Interceptor
from core.rpc.servicers import Service
from core.rpc.thread_pool import CallThreadPool
from tandem.example.v1.example_pb2 import CreateUserRequest, GetUserRequest, ListUsersRequest, ListUsersResponse
from tests.support.operations import PATIENCE, Scene, Served, Told, failure_of, scene, serve
from tests.support.transports import CallContext

pytestmark = pytest.mark.real_server
__all__ = ["scene", "serve"]  # Fixtures.

Serve = Callable[..., Served]
GET_USER = "/example.ExampleService/GetUser"
CREATE_USER = "/example.ExampleService/CreateUser"
LIST_USERS = "/example.ExampleService/ListUsers"


class Details(NamedTuple):
    """What grpcio tells an interceptor of a call."""

    method: str
    invocation_metadata: tuple[tuple[str, str], ...]


def handled(method: str, code: str, kind: str = "unary") -> float:
    service, _, name = method.removeprefix("/").rpartition("/")
    labels = {"grpc_type": kind, "grpc_service": service, "grpc_method": name, "grpc_code": code}
    return REGISTRY.get_sample_value("grpc_server_handled_total", labels) or 0


# What a call is given, and what goes back beside the answer


def test_an_operation_is_given_what_was_sent_beside_the_message(scene: Scene, serve: Serve) -> None:
    served = serve(scene.service())
    sent = [("if-match", '"3"'), ("x-total-count", "exact"), ("user-agent", "ignored")]
    served.example.CreateUser(CreateUserRequest(name="Ann"), metadata=sent, timeout=PATIENCE)
    (call,) = scene.calls
    assert call.operation.name == "example.ExampleService/CreateUser"
    assert call.actor == ANONYMOUS.actor
    assert call.address == "127.0.0.1"
    assert "grpc-python" in call.user_agent
    assert scene.expected_version == exactly(3)
    assert call.exact_count


def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(scene: Scene, serve: Serve, settings: Any) -> None:
    served = serve(scene.service())
    sent = [("x-forwarded-for", "203.0.113.9, 198.51.100.7")]
    served.example.ListUsers(ListUsersRequest(), metadata=sent, timeout=PATIENCE)
    settings.GRPC_TRUSTED_PROXIES = 1
    served.example.ListUsers(ListUsersRequest(), metadata=sent, timeout=PATIENCE)
    # A proxy that adds a line of its own adds the last one.
    lines = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.8:4711")]
    served.example.ListUsers(ListUsersRequest(), metadata=lines, timeout=PATIENCE)
    assert [call.address for call in scene.calls] == ["127.0.0.1", "198.51.100.7", "198.51.100.8"]


def test_a_sane_request_id_is_kept_and_another_replaced(scene: Scene, serve: Serve) -> None:
    served = serve(scene.service())

    def answered_id(sent: str) -> str:
        _, call = served.example.ListUsers.with_call(
            ListUsersRequest(), metadata=[("x-request-id", sent)], timeout=PATIENCE
        )
        return str(dict(call.trailing_metadata())["x-request-id"])

    assert answered_id("mobile-42.a") == "mobile-42.a"
    assert answered_id("two words") not in ("", "two words")
    assert answered_id("x" * 129) != "x" * 129


def test_a_failure_carries_the_request_id_too(scene: Scene, serve: Serve) -> None:
    scene.failure = AlreadyExists("There is one.")
    served = serve(scene.service())
    told = failure_of(served.example.CreateUser, CreateUserRequest(), metadata=[("x-request-id", "abc")])
    assert told.trailing["x-request-id"] == "abc"


@pytest.mark.django_db(transaction=True)
def test_a_replayed_answer_says_so(scene: Scene, serve: Serve) -> None:
    served = serve(scene.service())

    def create() -> tuple[Any, Any]:
        return served.example.CreateUser.with_call(
            CreateUserRequest(name="Ann"), metadata=[("idempotency-key", "once")], timeout=PATIENCE
        )

    (first, first_call), (second, second_call) = create(), create()
    assert first == second
    assert len(scene.calls) == 1
    assert "idempotent-replayed" not in dict(first_call.trailing_metadata())
    assert dict(second_call.trailing_metadata())["idempotent-replayed"] == "true"


# Failures


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
def test_a_failure_is_told_with_its_row_of_the_table(
    scene: Scene, serve: Serve, raised: Exception, code: grpc.StatusCode, reason: str
) -> None:
    scene.failure = raised
    told = failure_of(serve(scene.service()).example.CreateUser, CreateUserRequest())
    info = told.only(ErrorInfo)
    assert (told.code, info.reason, info.domain) == (code, reason, "tandem")


def test_bad_fields_are_named(scene: Scene, serve: Serve) -> None:
    scene.failure = ValidationError(
        {
            "email": ValidationError("Not an e-mail.", code="invalid"),
            "name": ValidationError("Too long.", code="max_length"),
        }
    )
    told = failure_of(serve(scene.service()).example.CreateUser, CreateUserRequest())
    assert [(v.field, v.description, v.reason) for v in told.only(BadRequest).field_violations] == [
        ("email", "Not an e-mail.", "INVALID"),
        ("name", "Too long.", "MAX_LENGTH"),
    ]


def test_what_helps_the_client_goes_along(scene: Scene, serve: Serve) -> None:
    served = serve(scene.service())
    scene.failure = Stale(current_version=4)
    assert failure_of(served.example.CreateUser, CreateUserRequest()).only(ErrorInfo).metadata["current_version"] == "4"
    scene.failure = RateLimited("Slowly.", retry_after_seconds=2.5)
    assert failure_of(served.example.CreateUser, CreateUserRequest()).only(RetryInfo).retry_delay.ToSeconds() == 2


def test_more_violations_than_metadata_holds_are_counted(scene: Scene, serve: Serve) -> None:
    scene.failure = ValidationError({f"addresses.{number}.line1": "Zu läng. " * 5 for number in range(2_000)})
    served = serve(scene.service())
    # A client refuses metadata above its soft limit at random, so one answer that gets through proves nothing.
    for _ in range(20):
        told = failure_of(served.example.CreateUser, CreateUserRequest())
        assert told.code is grpc.StatusCode.INVALID_ARGUMENT
        named = len(told.only(BadRequest).field_violations)
        assert named > 20
        assert int(told.only(ErrorInfo).metadata["more_violations"]) == 2_000 - named
        assert len(told.trailing["grpc-status-details-bin"]) < 8_000


def test_a_fault_of_ours_shows_an_id_and_is_logged_under_it(
    scene: Scene, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    scene.failure = ZeroDivisionError("the secret plan")
    told = failure_of(serve(scene.service()).example.CreateUser, CreateUserRequest())
    error_id = told.only(ErrorInfo).metadata["error_id"]
    assert error_id in told.message
    assert "secret plan" not in told.message + str(told.details)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.call["error_id"] == error_id
    assert record.exc_info[1] is scene.failure


def test_bytes_that_are_no_message_are_the_callers_mistake(scene: Scene, serve: Serve) -> None:
    served = serve(scene.service())
    for nonsense in (b"\xff\xff\xff", b"\x0a\x05abc", b"\x0a\x02\xff\xfe"):
        told = failure_of(served.channel.unary_unary(CREATE_USER), nonsense)
        assert (told.code, told.only(ErrorInfo).reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID")
    assert not scene.calls


def test_a_call_that_ends_without_its_message_is_the_callers_mistake(scene: Scene, serve: Serve) -> None:
    told = failure_of(serve(scene.service()).channel.stream_unary(CREATE_USER), iter(()))
    assert (told.code, told.only(ErrorInfo).reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID")


def test_what_is_not_served_is_unimplemented(scene: Scene, serve: Serve) -> None:
    served = serve(scene.service("ListUsers"))
    for path in (CREATE_USER, "/example.ExampleService/Nothing", "/nobody.v1.Service/Nothing"):
        told = failure_of(served.channel.unary_unary(path), b"")
        assert (told.code, told.only(ErrorInfo).reason) == (grpc.StatusCode.UNIMPLEMENTED, "METHOD_NOT_ALLOWED")


# Who calls


def database_is_away(authorization: str | None) -> Any:
    raise OperationalError("connection refused")


def test_only_what_survives_it_is_answered_while_the_database_is_away(
    scene: Scene, serve: Serve, settings: Any
) -> None:
    settings.AUTHENTICATE = f"{__name__}.database_is_away"
    served = serve(scene.service())
    sent = [("authorization", "Bearer whatever")]
    assert served.example.ListUsers(ListUsersRequest(), metadata=sent, timeout=PATIENCE).total_count == 7
    assert scene.calls[0].actor == ANONYMOUS.actor
    told = failure_of(served.example.CreateUser, CreateUserRequest(), metadata=sent)
    assert told.code is grpc.StatusCode.UNAVAILABLE
    assert told.only(RetryInfo).retry_delay.ToSeconds() >= 1


# Time, load, clients who say nothing


def test_a_call_whose_deadline_passed_while_it_waited_is_not_run(scene: Scene, serve: Serve) -> None:
    served = serve(scene.service(), workers=1)
    first = served.example.GetUser.future(GetUserRequest(user_id=1), timeout=PATIENCE)
    assert scene.begun.get(timeout=PATIENCE) == 1
    with pytest.raises(grpc.RpcError) as caught:
        served.example.GetUser(GetUserRequest(user_id=2), timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    scene.release.set()
    first.result(PATIENCE)
    served.example.GetUser(GetUserRequest(user_id=3), timeout=PATIENCE)
    assert [scene.begun.get_nowait()] == [3]


class TooLate(CallContext):
    """The transport's side of a call whose message came, but whose deadline has just passed."""

    def time_remaining(self) -> float:
        return 0


def test_a_call_that_comes_too_late_is_not_run_though_its_message_came(scene: Scene) -> None:
    service = scene.service()
    handler = grpc.unary_unary_rpc_method_handler(
        service.servicer.ListUsers, ListUsersRequest.FromString, ListUsersResponse.SerializeToString
    )
    wrapped = Interceptor().intercept_service(lambda details: handler, Details(LIST_USERS, ()))
    late = TooLate(())
    wrapped.stream_unary(iter([b""]), late)
    assert late.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert not scene.calls


@pytest.mark.parametrize("asked", [None, 3_600])
def test_a_call_has_the_servers_deadline_if_its_own_is_later(
    scene: Scene, serve: Serve, settings: Any, asked: float | None
) -> None:
    settings.MAX_CALL_SECONDS = 0.1

    def take_long() -> None:
        until = context.deadline.get()
        assert until is not None
        while time.monotonic() < until:
            context.check_deadline()
        context.check_deadline()

    scene.step = take_long
    with pytest.raises(grpc.RpcError) as caught:
        serve(scene.service()).example.ListUsers(ListUsersRequest(), timeout=asked)
    told = Told(caught.value)
    assert (told.code, told.only(ErrorInfo).reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")


def test_overload_is_refused_at_once_and_health_still_answers(scene: Scene, serve: Serve, settings: Any) -> None:
    settings.GRPC_MAX_QUEUE = 3
    served = serve(scene.service(), workers=2)

    def call() -> Any:
        return served.example.GetUser.future(GetUserRequest(user_id=1), timeout=PATIENCE)

    running = [call(), call()]
    for _ in running:
        scene.begun.get(timeout=PATIENCE)
    counted = handled(GET_USER, "RESOURCE_EXHAUSTED")
    ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for _ in range(40):
        call().add_done_callback(ended.put)
    # While every worker is held: all but the three that may wait are told.
    refused = [Told(ended.get(timeout=PATIENCE).exception()) for _ in range(37)]
    check = health_pb2_grpc.HealthStub(served.channel).Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
    assert check.status == health_pb2.HealthCheckResponse.SERVING
    assert ended.empty()
    assert {told.code for told in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert {told.only(ErrorInfo).reason for told in refused} == {"RATE_LIMITED"}
    assert {told.only(RetryInfo).retry_delay.ToSeconds() for told in refused} == {1}
    assert handled(GET_USER, "RESOURCE_EXHAUSTED") == counted + 37

    scene.release.set()
    admitted = [ended.get(timeout=PATIENCE) for _ in range(3)]
    assert [call.exception(PATIENCE) for call in (*running, *admitted)] == [None] * 5


def test_calls_whose_message_never_comes_hold_nobody_up_and_are_cut(scene: Scene, serve: Serve, settings: Any) -> None:
    settings.GRPC_MESSAGE_WAIT_SECONDS = 2
    served = serve(scene.service(), workers=2)
    counted = handled(LIST_USERS, "DEADLINE_EXCEEDED")
    begun = time.monotonic()
    silent = [served.half_open(LIST_USERS) for _ in range(20)]
    silent += [served.half_open("/grpc.health.v1.Health/Check") for _ in range(10)]
    assert served.example.ListUsers(ListUsersRequest(), timeout=PATIENCE).total_count == 7
    health_pb2_grpc.HealthStub(served.channel).Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
    assert time.monotonic() - begun < 2
    assert not any(call.done() for call in silent)
    assert {call.exception(PATIENCE).code() for call in silent} == {grpc.StatusCode.DEADLINE_EXCEEDED}
    assert len(scene.calls) == 1
    eventually(lambda: handled(LIST_USERS, "DEADLINE_EXCEEDED") == counted + 20)


def test_calls_whose_message_never_comes_hold_no_thread(scene: Scene, serve: Serve, settings: Any) -> None:
    def threads() -> int:
        return sum(thread.name.startswith("grpc") for thread in threading.enumerate())

    settings.GRPC_MESSAGE_WAIT_SECONDS = 2
    served = serve(scene.service(), workers=2)
    before = threads()
    silent = [served.half_open(LIST_USERS) for _ in range(200)]
    assert served.example.ListUsers(ListUsersRequest(), timeout=PATIENCE).total_count == 7
    assert not any(call.done() for call in silent)
    assert threads() == before
    for call in silent:
        assert call.exception(PATIENCE).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert served.example.ListUsers(ListUsersRequest(), timeout=PATIENCE).total_count == 7
    assert threads() == before


def test_a_stream_to_the_server_itself_is_cut_when_its_client_says_nothing(serve: Serve, settings: Any) -> None:
    settings.GRPC_MESSAGE_WAIT_SECONDS = 0.5
    served = serve(reflection=True)
    silent = served.half_open("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
    assert silent.exception(PATIENCE).code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_there_is_a_most_of_threads_for_clients_who_say_nothing() -> None:
    pool = CallThreadPool("few", 1, max_spares=2)
    assert [pool.add_spare() for _ in range(3)] == [True, True, False]
    pool.retire_spare()
    assert pool.add_spare()
    pool.end(within=PATIENCE)
    assert not any(thread.name == "few" for thread in threading.enumerate())


# Traces


def test_a_traced_call_continues_its_callers_trace(scene: Scene, serve: Serve, settings: Any) -> None:
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    export = pytest.importorskip("opentelemetry.sdk.trace.export")
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter").InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(memory))
    pytest.importorskip("opentelemetry.trace").set_tracer_provider(provider)
    settings.TRACING = True
    scene.failure = ZeroDivisionError()
    caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    failure_of(serve(scene.service()).example.CreateUser, CreateUserRequest(), metadata=[("traceparent", caller)])
    (span,) = memory.get_finished_spans()
    assert span.name == "example.ExampleService/CreateUser"
    assert f"{span.context.trace_id:032x}-{span.parent.span_id:016x}" in caller
    assert span.attributes["rpc.grpc.status_code"] == grpc.StatusCode.INTERNAL.value[0]
    assert not span.status.is_ok


def test_tracing_without_its_package_is_a_sentence(
    serve: Serve, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TRACING = True
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(ImproperlyConfigured, match="pip install"):
        serve()


# Streams: the same layers around all four kinds


class Streams:
    """A service of all four kinds, and of the two that hold no worker."""

    def __init__(self) -> None:
        self.threads: dict[str, str] = {}
        self.ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.sends: queue.SimpleQueue[Callable[[bytes | None], None]] = queue.SimpleQueue()
        self.pool = CallThreadPool("own-pool", 1)

    def upload(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        self.threads["upload"] = threading.current_thread().name
        return b"+".join(requests)

    def download(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        try:
            for number in range(3):
                yield b"%s %d" % (request, number)
            if request == b"fail":
                raise AlreadyExists("There is one.")
            while request == b"for ever":
                yield b""
        finally:
            self.ended.put("download")

    def chat(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        self.threads["chat"] = threading.current_thread().name
        for request in requests:
            yield request.upper()

    def watch(self, request: bytes, context: grpc.ServicerContext, send: Callable[[bytes | None], None]) -> None:
        if request == b"fail":
            raise AlreadyExists("There is one.")
        self.sends.put(send)

    def service(self) -> Service:
        def watch(*args: Any) -> None:
            self.watch(*args)

        def chat(*args: Any) -> Iterator[bytes]:
            return self.chat(*args)

        watch.experimental_non_blocking = True  # type: ignore[attr-defined]
        chat.experimental_thread_pool = self.pool  # type: ignore[attr-defined]
        handlers = {
            "Upload": grpc.stream_unary_rpc_method_handler(self.upload),
            "Download": grpc.unary_stream_rpc_method_handler(self.download),
            "Chat": grpc.stream_stream_rpc_method_handler(chat),
            "Watch": grpc.unary_stream_rpc_method_handler(watch),
        }

        def add_to_server(servicer: Any, server: grpc.Server) -> None:
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Streams", handlers),))

        return Service("test.Streams", add_to_server, self)


@pytest.fixture
def streams() -> Iterator[Streams]:
    made = Streams()
    yield made
    made.pool.end(within=PATIENCE)


def test_streams_of_all_kinds_are_answered_and_counted(streams: Streams, serve: Serve) -> None:
    channel = serve(streams.service()).channel
    codes = [("Upload", "client_stream"), ("Download", "server_stream"), ("Chat", "bidi_stream")]
    counted = [handled(f"/test.Streams/{method}", "OK", kind) for method, kind in codes]
    assert channel.stream_unary("/test.Streams/Upload")(iter([b"a", b"b"]), timeout=PATIENCE) == b"a+b"
    assert list(channel.unary_stream("/test.Streams/Download")(b"n", timeout=PATIENCE)) == [b"n 0", b"n 1", b"n 2"]
    chat = channel.stream_stream("/test.Streams/Chat")(iter([b"a", b"b"]), timeout=PATIENCE)
    assert list(chat) == [b"A", b"B"]
    assert "x-request-id" in dict(chat.trailing_metadata())
    assert [handled(f"/test.Streams/{method}", "OK", kind) for method, kind in codes] == [n + 1 for n in counted]


@pytest.fixture
def _no_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_garbage_collector")
def test_client_stream_that_falls_silent_learns_why_it_ends_and_is_let_go(
    streams: Streams, serve: Serve, settings: Any
) -> None:
    settings.UPLOAD_IDLE_SECONDS = 0.1
    # grpcio counts a call among its connection's open streams as long as anything holds it.
    settings.GRPC_MAX_STREAMS_PER_CONNECTION = 3
    channel = serve(streams.service()).channel
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


def test_client_stream_without_the_wait_of_ours_is_cancelled(streams: Streams, serve: Serve, settings: Any) -> None:
    settings.UPLOAD_IDLE_SECONDS = 0.1
    counted = handled("/test.Streams/Chat", "DEADLINE_EXCEEDED", "bidi_stream")
    sent: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    # Its pool receives no first messages, so that messages come from grpcio alone.
    call = serve(streams.service()).channel.stream_stream("/test.Streams/Chat")(iter(sent.get, b""), timeout=PATIENCE)
    assert call.exception().code() is grpc.StatusCode.CANCELLED
    sent.put(b"")
    eventually(lambda: handled("/test.Streams/Chat", "DEADLINE_EXCEEDED", "bidi_stream") == counted + 1)


def test_a_stream_that_fails_midway_says_why(streams: Streams, serve: Serve) -> None:
    call = serve(streams.service()).channel.unary_stream("/test.Streams/Download")(b"fail", timeout=PATIENCE)
    received = []
    with pytest.raises(grpc.RpcError) as caught:
        received.extend(iter(call))
    told = Told(caught.value)
    assert (told.code, told.only(ErrorInfo).reason) == (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")


def test_a_stream_whose_client_leaves_is_cleaned_up_and_counted_as_cancelled(streams: Streams, serve: Serve) -> None:
    counted = handled("/test.Streams/Download", "CANCELLED", "server_stream")
    call = serve(streams.service()).channel.unary_stream("/test.Streams/Download")(b"for ever", timeout=PATIENCE)
    assert next(call) == b"for ever 0"
    call.cancel()
    assert streams.ended.get(timeout=PATIENCE) == "download"
    eventually(lambda: handled("/test.Streams/Download", "CANCELLED", "server_stream") == counted + 1)


def test_a_behaviour_keeps_its_own_thread_pool(streams: Streams, serve: Serve) -> None:
    channel = serve(streams.service()).channel
    list(channel.stream_stream("/test.Streams/Chat")(iter([b"a"]), timeout=PATIENCE))
    channel.stream_unary("/test.Streams/Upload")(iter([b"a"]), timeout=PATIENCE)
    assert streams.threads == {"chat": "own-pool", "upload": "grpc-uploads"}


def test_streams_that_call_back_hold_no_thread(streams: Streams, serve: Serve) -> None:
    channel = serve(streams.service(), workers=2).channel
    watches = [channel.unary_stream("/test.Streams/Watch")(b"", timeout=PATIENCE) for _ in range(50)]
    sends = [streams.sends.get(timeout=PATIENCE) for _ in watches]
    assert channel.stream_unary("/test.Streams/Upload")(iter([b"a"]), timeout=PATIENCE) == b"a"
    for send in sends:
        send(b"news")
        send(None)
    assert [list(watch) for watch in watches] == [[b"news"]] * 50


def test_health_is_watched_without_holding_a_thread(scene: Scene, serve: Serve) -> None:
    served = serve(scene.service(), workers=2)
    stub = health_pb2_grpc.HealthStub(served.channel)
    watches = [stub.Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE) for _ in range(50)]
    assert {next(watch).status for watch in watches} == {health_pb2.HealthCheckResponse.SERVING}
    assert (
        stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE).status == health_pb2.HealthCheckResponse.SERVING
    )
    assert served.example.ListUsers(ListUsersRequest(), timeout=PATIENCE).total_count == 7
    served.server.drain()
    assert {next(watch).status for watch in watches} == {health_pb2.HealthCheckResponse.NOT_SERVING}


def test_a_stream_that_calls_back_is_counted_when_it_is_over(streams: Streams, serve: Serve) -> None:
    def count(code: str) -> float:
        return handled("/test.Streams/Watch", code, "server_stream")

    channel = serve(streams.service()).channel
    before = count("OK"), count("CANCELLED"), count("ALREADY_EXISTS")
    well = channel.unary_stream("/test.Streams/Watch")(b"", timeout=PATIENCE)
    send = streams.sends.get(timeout=PATIENCE)
    assert count("OK") == before[0]
    send(None)
    assert list(well) == []
    left = channel.unary_stream("/test.Streams/Watch")(b"", timeout=PATIENCE)
    send = streams.sends.get(timeout=PATIENCE)
    left.cancel()
    told = failure_of(
        lambda *args, **kwargs: list(channel.unary_stream("/test.Streams/Watch")(*args, **kwargs)), b"fail"
    )
    assert (told.code, told.only(ErrorInfo).reason) == (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")
    after = tuple(number + 1 for number in before)
    eventually(lambda: (count("OK"), count("CANCELLED"), count("ALREADY_EXISTS")) == after)
    send(b"too late")  # Nobody is there; nothing happens.


def test_streams_that_call_back_are_ended_when_the_server_goes(streams: Streams, serve: Serve) -> None:
    served = serve(streams.service())
    watch = served.channel.unary_stream("/test.Streams/Watch")(b"", timeout=PATIENCE)
    streams.sends.get(timeout=PATIENCE)
    ended = served.server.stop(grace=PATIENCE)
    told = failure_of(lambda timeout: next(watch))
    assert (told.code, told.only(ErrorInfo).reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
    assert ended.wait(PATIENCE / 2)


def test_there_is_a_most_of_streams(streams: Streams, serve: Serve, settings: Any) -> None:
    settings.MAX_STREAMS = 1
    channel = serve(streams.service()).channel
    watch = channel.unary_stream("/test.Streams/Watch")
    first = watch(b"", timeout=PATIENCE)
    send = streams.sends.get(timeout=PATIENCE)
    told = failure_of(lambda *args, **kwargs: list(watch(*args, **kwargs)), b"")
    assert (told.code, told.only(ErrorInfo).reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    send(None)
    assert list(first) == []

    def another_is_taken() -> bool:
        watch(b"", timeout=PATIENCE)
        with contextlib.suppress(queue.Empty):
            return streams.sends.get(timeout=0.2) is not None
        return False

    eventually(another_is_taken)


def eventually(holds: Callable[[], bool]) -> None:
    """Waits until something holds that happens after the client was answered."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)
