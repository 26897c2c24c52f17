"""One call as the interceptors see it, and one rpc method as the server knows it."""

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

#: The call that this thread serves.
current: ContextVar["RpcCall"] = ContextVar("current")

_KINDS = {
    (False, False): "unary",
    (True, False): "client_stream",
    (False, True): "server_stream",
    (True, True): "bidi_stream",
}


def _as_it_is(message: Any) -> Any:
    return message


class Method:
    """One rpc method, with everything worked out that is the same for all its calls.

    Attributes:
        behaviour: the servicer's method.
        operation: what it performs, if a door's servicer made it (see `core.rpc.servicers`).
        decode: bytes → request message.
        encode: response message → bytes.
        of_the_server: health and reflection, which know neither users nor the database.
        non_blocking: the behaviour is given a callback, returns at once and sends from any thread later.
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
        self.decode: Callable[[bytes], Any] = handler.request_deserializer or _as_it_is
        self.encode: Callable[[Any], bytes] = handler.response_serializer or _as_it_is
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
        context: grpcio's. Only `tell` speaks to the client through it.
        metadata: what the client sent beside its messages.
        trailing: what it will be sent beside the answer.
        request: the request message, or an iterator over them; set by the interceptor `received`.
        credential: what the client showed; set by the interceptor `authenticated`.
        problem: why the call fails, once it does.
        failure: why the server has ended its messages, where they do not know it themselves; see `FirstThen`.
        guard: who looks after threads that wait for this call's client.
        pool: whose threads these are.
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
        """Who calls: a user, or AnonymousUser."""
        return self.credential.actor

    def metadata_list(self, name: str) -> str | None:
        """A list that may come in several entries of the metadata, joined as HTTP joins header lines; None = none."""
        values = [str(value) for key, value in self.context.invocation_metadata() or () if key == name]
        return ", ".join(values) if values else None

    @property
    def peer(self) -> str:
        """The address at the other end of the connection, with its port; empty for a Unix socket."""
        return address_of_peer(self.context.peer())

    def sent_lines(self, name: str) -> list[str]:
        """Return every line of this metadata; a client may send one name more than once."""
        return [str(value) for sent, value in self.context.invocation_metadata() or () if sent == name]

    def fail(self, raised: BaseException) -> None:
        """The call fails because of what was raised."""
        self.fail_with(problem_of(raised), raised)

    def fail_with(self, problem: Problem, raised: BaseException | None = None) -> None:
        """The call fails with this problem."""
        self.problem = problem
        self.report.fail(problem, raised)
        self.report.code = self.code.name

    def succeed(self) -> None:
        """The behaviour has done its work."""
        self.report.code = self.code.name

    @property
    def code(self) -> grpc.StatusCode:
        """The outcome. A behaviour that set a code itself (grpcio's own services do) has said how it went."""
        if self.problem is not None:
            return problems.status_code(self.problem)
        return self.set_code or grpc.StatusCode.OK

    @property
    def set_code(self) -> grpc.StatusCode | None:
        """The code that the behaviour set on grpcio's context, if it did."""
        code: grpc.StatusCode | None = self.context.code()  # type: ignore[attr-defined]
        return code

    def tell(self) -> None:
        """Leaves with grpcio what the client will be told when the call ends."""
        context = self.context
        trailing = self.trailing
        if (problem := self.problem) is not None:
            context.set_code(problems.status_code(problem))
            context.set_details(problems.status_message(problem))
            trailing = [*trailing, (problems.DETAILS, problems.status_details(problem))]
        context.set_trailing_metadata((*(context.trailing_metadata() or ()), *trailing))

    def send_head(self) -> None:
        """Send the initial metadata at once: the call is open, though there may be nothing to answer for long.

        Clients whose opening call returns with the head would hang on a quiet stream otherwise.
        """
        with suppress(grpc.RpcError):  # The client has gone; what follows notices.
            self.context.send_initial_metadata(())

    def next_message(self, patience: float) -> bytes | None:
        """Waits for the client's next message; None if there is none.

        Args:
            patience: seconds after which the guard cuts the call.

        Raises:
            Cancelled: the call is cancelled.
            Failure: the server has ended the messages.
        """
        self._patience = patience
        self.guard.hold(self, self.pool, patience)
        message = None
        try:
            message = next(self.messages, None)
        except grpc.RpcError:
            pass  # A call that is cancelled while it waits looks now like a failed one, now like one that has ended.
        finally:
            self.guard.release(self)
        if message is None:
            self._check_going_on()
        return message

    def end_messages(self, failure: Failure) -> None:
        """Have the call's thread raise this failure where it waits for a message, now or next. Any thread may call it.

        Called again after a while, it cancels the call, whose thread waits for a client that does not read its answers.
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
        """End the messages: the client has sent nothing for too long."""
        self.end_messages(no_message_within(self._patience))

    def _check_going_on(self) -> None:
        ended = self.messages if isinstance(self.messages, FirstThen) else self
        if ended.failure is not None:
            raise _taken_failure(ended)
        if not self.context.is_active():
            raise Cancelled("The client went away before its message was whole.")


def _taken_failure(of: RpcCall | FirstThen) -> Failure:
    """Take its failure to raise it. Kept, it would hold the frames that it passes, and they hold the call."""
    failure, of.failure = cast(Failure, of.failure), None
    return failure


class CallbackCall(RpcCall):
    """A call whose behaviour does not block: messages are sent from any thread, until one sends None.

    Its report goes on after the behaviour has returned, and is written when the transport says that the call is over.

    Args:
        send: grpcio's; blocks while the client does not read.
        at_end: called once when the call is over, whoever ended it.

    Attributes:
        ended_by: how the server ends the call, once the behaviour has said how; until then it is just finished.
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
        """Sends a message; None ends the call with the problem it has, or well. Nothing, once the call has ended."""
        if message is None:
            self.finish()
            return
        encoded = self.method.encode(message)
        with self._sending:  # grpcio takes one message at a time.
            self.send_encoded(encoded, self.pool)

    def send_encoded(self, encoded: bytes, pool: ThreadPool | None, patience: float | None = None) -> None:
        """Sends a message that is bytes already. One thread at a time may.

        Args:
            pool: whose thread this is; another stands in while the client does not read.
            patience: seconds after which the guard cuts the call; None = the guard's own.
        """
        if self._ended:
            return
        self.guard.hold(self, pool, patience)
        try:
            self._send(encoded)
        finally:
            self.guard.release(self)

    def succeed(self) -> None:
        """Says nothing yet: that the behaviour has returned does not mean that the call has ended."""

    def goes_on(self) -> None:
        """The behaviour has returned."""
        with self._state:
            self.report.continues = not self._over

    def end(self, failure: Failure) -> None:
        """The server ends the call: by its behaviour's own way, if it has one."""
        if self.ended_by is not None:
            self.ended_by(failure)
            return
        self.fail(failure)
        self.finish()

    def cut(self) -> None:
        """The client has not read for too long: it is told, should it read yet; a while later the call is cancelled."""
        if self._ended:
            if self._cancelled_at is None or time.monotonic() >= self._cancelled_at:
                self.context.cancel()  # type: ignore[no-untyped-call]
            return
        self._cancelled_at = time.monotonic() + LAST_CHANCE_SECONDS
        self.fail(RateLimited("You did not read this stream for too long; go on from your last cursor.", 1))
        self.finish()

    def finish(self) -> None:
        """Ends the call, unless it has ended."""
        if self._end():
            if self.problem is None:
                super().succeed()
            self.tell()
            self._send(None)

    def terminated(self) -> None:
        """The transport says that the call is over. Runs on grpcio's one serving thread: what it does must be short."""
        if self._end():
            self.report.code = "CANCELLED"
        with self._state:
            self._over = True
        if self._when_over is not None:
            self._when_over()
        self._at_end(self)

    def when_over(self, close: Callable[[], None]) -> bool:
        """Has `close` called when the call is over, whoever ended it; it must be short. False: it is over, and was."""
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
