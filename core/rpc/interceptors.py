"""Interceptors of every call over gRPC, the counterpart of the HTTP middleware.

`INTERCEPTORS` lists all of them, outermost first. Each takes the call and returns a context manager around the inner
ones, the same for unary calls and streams of all kinds. They are composed once for each method; a call then costs a few
nested functions, without lookups.

grpcio gets one `Interceptor`. It passes every message as bytes and makes every method take a stream of requests, whose
first message is the request of a unary call. Only then does the behaviour run before the message has arrived, so that
the guard can cut a call whose message never arrives, and an undecodable message gets its proper status (grpcio decodes
on its one serving thread and answers INTERNAL).
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, NamedTuple

import grpc
from django.conf import settings
from django.core.exceptions import ValidationError
from google.protobuf.message import DecodeError, Message

from core import context
from core.concurrency.thread_pool import ThreadPool
from core.db import thread_connections
from core.errors import (
    Failure,
    MethodNotAllowed,
    RateLimited,
    Unauthenticated,
    invalid,
    message_too_large,
    request_too_large,
)
from core.execution import admit, identify
from core.protojson.value_limits import TOO_MANY, has_too_many_values
from core.rpc import compat, handlers
from core.rpc.compat import Behaviour
from core.rpc.feed_pools import FeedPools
from core.rpc.handlers import Layer
from core.rpc.method import Handler, Method
from core.rpc.refusals import Refusal
from core.rpc.rpc_context import RpcContext
from core.rpc.stall_watchdog import StallWatchdog
from core.rpc.stream_context import StreamContext
from core.rpc.thread_pool import CallThreadPool
from core.rpc.tracing import trace_call


def report_call(call: RpcContext) -> AbstractContextManager[Any]:
    """Give the call its request id, its log line and its metrics."""
    call.method.started.inc()
    if call.method.of_the_server:
        call.report.level = logging.DEBUG  # Probes call every few seconds; only their failures are logged.
    return call.report


class ExceptionHandling:
    """Turns exceptions of the inner layers into the call's problem.

    A class where the other layers are functions: since Python 3.12, the frames of a generator keep an exception that is
    thrown into it, and the exception keeps the call.
    """

    __slots__ = ("_call",)

    def __init__(self, call: RpcContext) -> None:
        self._call = call

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, raised: BaseException | None, traceback: object) -> bool:
        call = self._call
        if raised is None:
            call.succeed()
        elif isinstance(raised, GeneratorExit):  # The client left the stream, and grpcio closed the generator.
            call.report.code = "CANCELLED"
        elif isinstance(raised, NotImplementedError) and call.set_code is grpc.StatusCode.UNIMPLEMENTED:
            # Generated servicers raise it for an rpc without an implementation. Any other one is an internal error.
            call.fail(MethodNotAllowed(f"This server does not implement {call.method.path}."))
        elif isinstance(raised, Exception):
            call.fail(raised)
        return isinstance(raised, Exception)


@contextmanager
def receive_request(call: RpcContext) -> Iterator[None]:
    """Receive and decode the request message; for a client's stream, each message when it is iterated."""
    call.request = _each(call) if call.method.request_streaming else _only(call)
    yield


@contextmanager
def limit_time(call: RpcContext) -> Iterator[None]:
    """Set the call's deadline, the client's or the server's own. A call that has passed it is not started."""
    seconds = call.context.time_remaining()  # Without a deadline, grpcio returns 9.2e18.
    if not (call.method.response_streaming or call.method.request_streaming):
        seconds = min(seconds, settings.MAX_CALL_SECONDS)
    token = context.deadline.set(time.monotonic() + seconds)
    try:
        context.check_deadline()
        yield
    finally:
        context.deadline.reset(token)


def refresh_connections(call: RpcContext) -> AbstractContextManager[None]:
    """Close database connections of this thread that are no longer usable."""
    return thread_connections.fresh_connections()


@contextmanager
def authenticate_caller(call: RpcContext) -> Iterator[None]:
    """Authenticate the caller, charge the call to the caller's budget, and authorize it."""
    if sum(name == "authorization" for name, _ in call.context.invocation_metadata() or ()) > 1:
        raise Unauthenticated("Send only one authorization header.")
    operation = call.method.operation
    authorization = call.metadata.get("authorization")
    identified = partial(identify, operation, authorization, () if authorization else call.certificate_uris)
    if operation is None:
        call.credential = identified()
        call.report.principal = call.actor.pk
    else:
        call.credential = admit(call.report, operation, identified, call.client_address)
    yield


#: The caller is authorized before the message is received and decoded.
INTERCEPTORS: tuple[Layer, ...] = (
    report_call,
    trace_call,
    ExceptionHandling,
    limit_time,
    refresh_connections,
    authenticate_caller,
    receive_request,
)
#: Health and reflection need no credentials, and must answer while the database does not.
SYSTEM_LAYERS: tuple[Layer, ...] = (report_call, trace_call, ExceptionHandling, receive_request)


def _only(call: RpcContext) -> Any:
    message = call.next_message(call.guard.patience)
    if message is None:
        raise invalid("", "required", "Send one request message.")
    if len(message) > settings.MAX_MESSAGE_BYTES:
        raise request_too_large(settings.MAX_MESSAGE_BYTES)
    # Time has passed since the call began.
    context.check_deadline()
    return _message(call, message)


def _each(call: RpcContext) -> Iterator[Any]:
    patience = _patience(call.method, call.guard)
    while (message := call.next_message(patience)) is not None:
        try:
            yield _message(call, message)
        except ValidationError as exc:
            if call.method.of_the_server:
                raise
            # A message that cannot be decoded is reported to the caller and does not end the stream.
            yield exc


def _patience(method: Method, guard: StallWatchdog) -> float:
    """Return the seconds that the client may take for its next message. Reflection streams have no reason to wait."""
    return settings.UPLOAD_IDLE_SECONDS if method.request_streaming and not method.of_the_server else guard.patience


def _message(call: RpcContext, message: bytes) -> Any:
    operation = call.method.operation
    if len(message) > settings.MAX_MESSAGE_BYTES and not (operation and operation.takes_file):
        raise message_too_large(settings.MAX_MESSAGE_BYTES)
    try:
        decoded = call.method.decode(message)
    except DecodeError as exc:
        raise invalid("", "invalid", "The message cannot be decoded as a request of this method.") from exc
    if isinstance(decoded, Message) and has_too_many_values(decoded):
        raise invalid("", "json", TOO_MANY)
    return decoded


class _Entry(NamedTuple):
    """The handlers of a method, cached at its first call."""

    method: Method
    handler: Handler
    refusal: Handler


class Interceptor(grpc.ServerInterceptor):  # type: ignore[type-arg]
    """Wraps every method in its layers, and refuses streams beyond the limit.

    Args:
        workers: the threads that serve calls; None = handlers run in the thread that calls them.
        own_workers: the threads of health and reflection, so that these answer while the others are busy.
        uploads: the threads of calls whose client sends a stream, which may take long.
        guard: cuts calls that are stalled by their client.
        feed_pools: the threads that send feeds.
    """

    def __init__(
        self,
        workers: CallThreadPool | None = None,
        own_workers: CallThreadPool | None = None,
        uploads: CallThreadPool | None = None,
        guard: StallWatchdog | None = None,
        feed_pools: FeedPools | None = None,
    ) -> None:
        self._workers = workers
        self._own_workers = own_workers
        self._uploads = uploads
        self._guard = guard or StallWatchdog(settings.GRPC_MESSAGE_WAIT_SECONDS)
        self._feed_pools = feed_pools or FeedPools()
        for pool in (workers, own_workers, uploads):
            if pool is not None:
                pool.guard = self._guard
        # For the reports of streams that have ended, which must not wait for a worker.
        self._reports = CallThreadPool("aside", 1) if workers is not None else None
        self._entries: dict[str, _Entry] = {}
        unknown = Method("/unknown/unknown", grpc.unary_unary_rpc_method_handler(lambda request, context: request))
        self._unknown = _refusing(Refusal(unknown, MethodNotAllowed("This server has no such method.")))
        self._max_open = settings.MAX_STREAMS
        if not compat.uses_private_api():
            self._max_open = min(self._max_open, compat.MAX_BLOCKING_STREAMS)
        #: The open streams of methods that do not block.
        self.open: set[StreamContext] = set()

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Return the handler for this call. Runs on grpcio's one serving thread."""
        path: str = handler_call_details.method
        entry = self._entries.get(path)
        if entry is None:
            handler = continuation(handler_call_details)
            if handler is None:
                return self._unknown
            entry = self._entries[path] = self._entry(path, handler)
        if entry.method.non_blocking and len(self.open) >= self._max_open:
            return entry.refusal
        return entry.handler

    def end_streams(self, failure: Failure) -> None:
        """End every stream that holds no thread, with this failure as its status."""
        for call in list(self.open):
            call.end(failure)

    def close(self) -> None:
        """End the interceptor's own thread, after it has written the remaining reports."""
        if self._reports is not None:
            self._reports.end(within=1)

    def _entry(self, path: str, handler: Handler) -> _Entry:
        method = Method(path, handler)
        own_pool = self._own_pool(method)
        pool = own_pool or self._workers
        layers = SYSTEM_LAYERS if method.of_the_server else INTERCEPTORS
        # Without TRACING, calls have no cost for it.
        layers = tuple(layer for layer in layers if settings.TRACING or layer is not trace_call)
        refusal = Refusal(method, RateLimited("The server is busy; try again in a second.", 1))
        return _Entry(method, self._handler(method, layers, own_pool, pool, refusal), _refusing(refusal))

    def _own_pool(self, method: Method) -> ThreadPool | None:
        """Return the pool of a method that the server's workers do not serve."""
        if not compat.uses_private_api():
            return None
        if method.thread_pool is not None:
            return method.thread_pool
        if method.of_the_server:
            return self._own_workers
        return self._uploads if method.request_streaming else None

    def _handler(
        self,
        method: Method,
        layers: tuple[Layer, ...],
        own_pool: ThreadPool | None,
        pool: ThreadPool | None,
        refusal: Refusal,
    ) -> Handler:
        call_pool = pool if isinstance(pool, CallThreadPool) else None

        def new_context(messages: Iterator[bytes], context: grpc.ServicerContext) -> RpcContext:
            return RpcContext(method, messages, context, self._guard, call_pool)

        def new_stream_context(
            messages: Iterator[bytes], context: grpc.ServicerContext, send: Callable[[Any], None]
        ) -> StreamContext:
            call = StreamContext(
                method,
                messages,
                context,
                self._guard,
                call_pool,
                send=send,
                at_end=self._over,
                feed_pools=self._feed_pools,
            )
            self.open.add(call)
            return call

        run: Callable[..., Any]
        if method.non_blocking:
            run = handlers.callback(method, layers, new_stream_context)
            if not compat.uses_private_api():
                run = compat.blocking(run, call_pool)
        elif method.response_streaming:
            run = handlers.stream(method, layers, new_context)
        else:
            run = handlers.unary(method, layers, new_context)
        behaviour = Behaviour(
            run,
            patience=_patience(method, self._guard),
            refusal=refusal,
            answers_while_it_receives=method.request_streaming and method.response_streaming,
            experimental_non_blocking=method.non_blocking and compat.uses_private_api(),
            experimental_thread_pool=own_pool,
        )
        if method.response_streaming:
            return grpc.stream_stream_rpc_method_handler(behaviour)
        return grpc.stream_unary_rpc_method_handler(behaviour)

    def _over(self, call: StreamContext) -> None:
        self.open.discard(call)
        if not call.report.continues:
            return
        if self._reports is not None:
            self._reports.submit(call.report.end)
        else:
            call.report.end()


def _refusing(refusal: Refusal) -> Handler:
    """Return a handler that refuses every call."""
    return grpc.stream_stream_rpc_method_handler(Behaviour(refusal, refusal=refusal, refuses_all=True))
