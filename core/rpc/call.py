"""A call as the interceptors see it, and an rpc method as the server sees it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

import grpc

from core.auth import ANONYMOUS, Credential
from core.concurrency.thread_pool import ThreadPool
from core.context import valid_request_id
from core.errors import Cancelled, Failure, Problem, RateLimited, problem_of
from core.observability import call_log
from core.observability.call_log import Report
from core.operations import Operation
from core.rpc import problems
from core.rpc.peers import address_of_peer
from core.rpc.stall_watchdog import StallWatchdog, no_message_within
from core.rpc.thread_pool import FirstThen
from core.streams import LAST_CHANCE_SECONDS

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]
else:
    Handler = grpc.RpcMethodHandler

Metadatum = tuple[str, str | bytes]

#: The call that the current thread serves.
current: ContextVar["RpcCall"] = ContextVar("current")

_KINDS = {
    (False, False): "unary",
    (True, False): "client_stream",
    (False, True): "server_stream",
    (True, True): "bidi_stream",
}


def _unchanged(message: Any) -> Any:
    return message


class Method:
    """One rpc method, with everything precomputed that is the same for all its calls.

    Attributes:
        behaviour: the servicer's method.
        operation: the operation that it executes, if `core.rpc.servicers` created it.
        decode: bytes → request message.
        encode: response message → bytes.
        of_the_server: health and reflection, which use neither users nor the database.
        non_blocking: the behaviour takes a callback, returns at once and sends from any thread later.
        thread_pool: the behaviour's own pool, if it has one.
    """

    def __init__(self, path: str, handler: Handler) -> None:
        service, _, name = path.removeprefix("/").rpartition("/")
        self.path = path
        self.request_streaming: bool = handler.request_streaming
        self.response_streaming: bool = handler.response_streaming
        self.behaviour: Any = (
            handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        )
        self.decode: Callable[[bytes], Any] = handler.request_deserializer or _unchanged
        self.encode: Callable[[Any], bytes] = handler.response_serializer or _unchanged
        self.operation: Operation | None = getattr(self.behaviour, "operation", None)
        self.of_the_server = service.startswith("grpc.")
        self.non_blocking = bool(getattr(self.behaviour, "experimental_non_blocking", False))
        self.thread_pool = getattr(self.behaviour, "experimental_thread_pool", None)
        kind = _KINDS[self.request_streaming, self.response_streaming]
        self.meter = call_log.grpc_meter(kind, service, name)
        self.started = call_log.GRPC_STARTED.labels(kind, service, name)


class RpcCall:
    """One call, from its arrival to its end.

    Attributes:
        messages: the request messages as bytes; a unary call has one.
        context: grpcio's. Only `set_status` writes the call's status and trailing metadata to it.
        metadata: the client's invocation metadata.
        trailing: metadata for the client at the end of the call.
        request: the request message, or an iterator over them; set by the interceptor `received`.
        credential: the caller's credential; set by the interceptor `authenticated`.
        problem: the call's failure, once it has failed.
        failure: the failure with which the server ended the messages, if they do not hold it (see `FirstThen`).
        guard: watches threads that wait for this call's client.
        pool: the pool of these threads.
    """

    __slots__ = (
        "_cancelled_at",
        "_patience",
        "context",
        "credential",
        "failure",
        "guard",
        "messages",
        "metadata",
        "method",
        "pool",
        "problem",
        "report",
        "request",
        "trailing",
    )

    def __init__(
        self,
        method: Method,
        messages: Iterator[bytes],
        context: grpc.ServicerContext,
        guard: StallWatchdog,
        pool: ThreadPool | None = None,
    ) -> None:
        self.method = method
        self.messages = messages
        self.context = context
        self.guard = guard
        self.pool = pool
        self.metadata: dict[str, Any] = dict(context.invocation_metadata() or ())
        request_id = valid_request_id(self.metadata.get("x-request-id"))
        self.report = Report(method.meter, request_id, self.metadata.get("traceparent"))
        self.trailing: list[Metadatum] = [("x-request-id", request_id)]
        self.request: Any = None
        self.credential: Credential = ANONYMOUS
        self.problem: Problem | None = None
        self.failure: Failure | None = None
        self._cancelled_at: float | None = None
        self._patience = guard.patience

    @property
    def actor(self) -> Any:
        """The caller: a user, or AnonymousUser."""
        return self.credential.actor

    def metadata_list(self, name: str) -> str | None:
        """Join all entries of this metadata as HTTP joins header lines; None = there is no entry."""
        values = [str(value) for key, value in self.context.invocation_metadata() or () if key == name]
        return ", ".join(values) if values else None

    @property
    def peer(self) -> str:
        """The address at the other end of the connection, with its port; empty for a Unix socket."""
        return address_of_peer(self.context.peer())

    def sent_lines(self, name: str) -> list[str]:
        """Return every entry of this metadata; a client may send one name more than once."""
        return [str(value) for key, value in self.context.invocation_metadata() or () if key == name]

    def fail(self, raised: BaseException) -> None:
        """Record that the call fails with this exception."""
        self.fail_with(problem_of(raised), raised)

    def fail_with(self, problem: Problem, raised: BaseException | None = None) -> None:
        """Record that the call fails with this problem."""
        self.problem = problem
        self.report.fail(problem, raised)
        self.report.code = self.code.name

    def succeed(self) -> None:
        """Record that the behaviour has returned without an exception."""
        self.report.code = self.code.name

    @property
    def code(self) -> grpc.StatusCode:
        """The call's status code. A code that the behaviour set itself, as grpcio's services do, is kept."""
        if self.problem is not None:
            return problems.status_code(self.problem)
        return self.set_code or grpc.StatusCode.OK

    @property
    def set_code(self) -> grpc.StatusCode | None:
        """The code that the behaviour set on grpcio's context, if any."""
        code: grpc.StatusCode | None = self.context.code()  # type: ignore[attr-defined]
        return code

    def set_status(self) -> None:
        """Set the status and trailing metadata that grpcio sends to the client when the call ends."""
        context = self.context
        trailing = self.trailing
        if (problem := self.problem) is not None:
            context.set_code(problems.status_code(problem))
            context.set_details(problems.status_message(problem))
            trailing = [*trailing, (problems.DETAILS, problems.status_details(problem))]
        context.set_trailing_metadata((*(context.trailing_metadata() or ()), *trailing))

    def send_head(self) -> None:
        """Send the initial metadata at once, although the first message may follow much later.

        Otherwise clients that wait for the metadata when they open a stream would hang on a quiet one.
        """
        with suppress(grpc.RpcError):  # A disconnect is noticed by the code that follows.
            self.context.send_initial_metadata(())

    def next_message(self, patience: float) -> bytes | None:
        """Wait for the client's next message; None if there is none.

        Args:
            patience: seconds after which the guard cuts the call.

        Raises:
            Cancelled: the call is cancelled.
            Failure: the server has ended the messages.
        """
        self._patience = patience
        self.guard.watch(self, self.pool, patience)
        message = None
        try:
            message = next(self.messages, None)
        except grpc.RpcError:
            pass  # grpcio ends the iteration of a cancelled call with an error, or as if there were no more messages.
        finally:
            self.guard.unwatch(self)
        if message is None:
            self._check_open()
        return message

    def end_messages(self, failure: Failure) -> None:
        """Make the call's thread raise this failure at its current or next wait for a message. May run in any thread.

        A later call cancels the rpc, because its thread then waits for a client that does not read the responses.
        """
        if self._cancelled_at is None:
            self._cancelled_at = time.monotonic() + LAST_CHANCE_SECONDS
            if isinstance(self.messages, FirstThen):
                self.messages.end(failure)
                return
            self.failure = failure
        elif time.monotonic() < self._cancelled_at:
            return
        self.context.cancel()  # type: ignore[no-untyped-call]

    def cut(self) -> None:
        """End the messages of a client that has sent nothing for too long."""
        self.end_messages(no_message_within(self._patience))

    def _check_open(self) -> None:
        ended = self.messages if isinstance(self.messages, FirstThen) else self
        if ended.failure is not None:
            raise _taken_failure(ended)
        if not self.context.is_active():
            raise Cancelled("The client disconnected before its message was complete.")


def _taken_failure(of: RpcCall | FirstThen) -> Failure:
    """Remove the failure and return it, to raise it. If it were kept, its traceback would keep the call."""
    failure, of.failure = cast(Failure, of.failure), None
    return failure


class CallbackCall(RpcCall):
    """A call whose behaviour does not block: messages are sent from any thread, until one sends None.

    Its report continues after the behaviour has returned, and is written when the transport reports the call's end.

    Args:
        send: grpcio's; blocks while the client does not read.
        at_end: called once when the call is over, no matter which side ended it.

    Attributes:
        ended_by: the behaviour's way of ending the call with a failure, once it has set one.
    """

    __slots__ = ("_at_end", "_ended", "_over", "_send", "_sending", "_state", "_when_over", "ended_by")

    def __init__(self, *args: Any, send: Callable[[Any], None], at_end: Callable[["CallbackCall"], None]) -> None:
        super().__init__(*args)
        self._send = send
        self._at_end = at_end
        self._sending = threading.Lock()
        self._state = threading.Lock()
        self._ended = False
        self._over = False
        self.ended_by: Callable[[Failure], None] | None = None
        self._when_over: Callable[[], None] | None = None

    def send(self, message: Any) -> None:
        """Send a message; None ends the call with its problem, or with OK. Has no effect once the call has ended."""
        if message is None:
            self.finish()
            return
        encoded = self.method.encode(message)
        with self._sending:  # grpcio accepts one message at a time.
            self.send_encoded(encoded, self.pool)

    def send_encoded(self, encoded: bytes, pool: ThreadPool | None, patience: float | None = None) -> None:
        """Send a message that is encoded already. The caller makes sure that only one thread sends at a time.

        Args:
            pool: the pool of this thread; the guard adds a spare thread to it while the client does not read.
            patience: seconds after which the guard cuts the call; None = the guard's default.
        """
        if self._ended:
            return
        self.guard.watch(self, pool, patience)
        try:
            self._send(encoded)
        finally:
            self.guard.unwatch(self)

    def succeed(self) -> None:
        """Record nothing yet: the call continues after its behaviour has returned."""

    def behaviour_returned(self) -> None:
        """Keep the report open after the behaviour has returned, unless the call is over."""
        with self._state:
            self.report.continues = not self._over

    def end(self, failure: Failure) -> None:
        """End the call with a failure: by `ended_by`, if the behaviour has set it."""
        if self.ended_by is not None:
            self.ended_by(failure)
            return
        self.fail(failure)
        self.finish()

    def cut(self) -> None:
        """End the call of a client that has not read for too long, and cancel it if it does not read the status."""
        if self._ended:
            if self._cancelled_at is None or time.monotonic() >= self._cancelled_at:
                self.context.cancel()  # type: ignore[no-untyped-call]
            return
        self._cancelled_at = time.monotonic() + LAST_CHANCE_SECONDS
        self.fail(RateLimited("The stream was not read for too long; resume from your last cursor.", 1))
        self.finish()

    def finish(self) -> None:
        """End the call, unless it has ended already."""
        if self._end():
            if self.problem is None:
                super().succeed()
            self.set_status()
            self._send(None)

    def terminated(self) -> None:
        """Handle the end of the call. grpcio calls this on its one serving thread, so it must be short."""
        if self._end():
            self.report.code = "CANCELLED"
        with self._state:
            self._over = True
        if self._when_over is not None:
            self._when_over()
        self._at_end(self)

    def when_over(self, close: Callable[[], None]) -> bool:
        """Register `close`, which must be short, for the end of the call.

        Returns:
            False if the call is over already; `close` has then been called.
        """
        with self._state:
            if not self._over:
                self._when_over = close
                return True
        close()
        return False

    def _end(self) -> bool:
        with self._state:
            ended, self._ended = self._ended, True
        return not ended
