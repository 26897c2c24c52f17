"""The undocumented parts of grpcio that this server uses, and what serves in their place without them.

Only this module touches them. They were checked with grpcio 1.85.1; docs/decisions/0023 lists them, and the steps of an
upgrade. `uses_private_api` is the switch: without it, grpcio is used by its public interface alone, and each part is
replaced by the fallback that is named here.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
from django.conf import settings

from core.addresses import client_address
from core.auth import presumed_caller
from core.concurrency.thread_pool import ThreadPool
from core.errors import Failure
from core.rpc.peers import address_of_peer
from core.rpc.refusals import Refusal
from core.rpc.stall_watchdog import StallWatchdog, no_message_within
from core.streams import LAST_CHANCE_SECONDS

logger = logging.getLogger(__name__)

#: Open streams of a process without grpcio's private API, where each holds a thread.
MAX_BLOCKING_STREAMS = 50

_NAMES = frozenset(
    {
        "_unary_response_in_pool", "_stream_response_in_pool", "_receive_message", "_get_initial_metadata_operation",
        "_send_initial_metadata", "_EMPTY_FLAGS", "_RECEIVE_MESSAGE_TOKEN", "_SEND_INITIAL_METADATA_TOKEN", "cygrpc",
        "_abort",
    }
)  # fmt: skip
_STATE_NAMES = frozenset(
    {"condition", "request", "due", "initial_metadata_allowed", "code", "details", "trailing_metadata"}
)
#: Attributes of behaviours that grpcio reads.
_ATTRIBUTES = frozenset({"experimental_non_blocking", "experimental_thread_pool"})

try:
    from grpc import _server
except ImportError:  # pragma: no cover - no release without it is known.
    _server = None  # type: ignore[assignment]


def is_familiar() -> bool:
    """Return whether grpcio has each private part that this module uses."""
    try:
        names = set(vars(_server))
        state = set(vars(_server._RPCState()))  # type: ignore[no-untyped-call]
        read = {*_server._stream_response_in_pool.__code__.co_names}
        read |= {*_server._select_thread_pool_for_behavior.__code__.co_names}
    except AttributeError:
        return False
    return names >= _NAMES and state >= _STATE_NAMES and read >= _ATTRIBUTES


_FAMILIAR = is_familiar()


def uses_private_api() -> bool:
    """Return whether grpcio's private API is used: it is familiar, and not switched off."""
    return _FAMILIAR and settings.GRPC_PRIVATE_API


def warn_if_unfamiliar() -> None:
    """Log that this version of grpcio is used by its public interface alone, if it is."""
    if not _FAMILIAR:
        logger.warning(
            "grpcio %s differs from the version that this server was made for: silent clients and open streams hold "
            "threads. Install the version in requirements.txt.",
            grpc.__version__,
        )


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The function that grpcio runs for a call of a method, with attributes that are read before the call has a thread.

    grpcio reads the two `experimental_…`, which no document describes. Without them, a call is served by the server's
    pool, and a stream of responses holds a thread (`blocking`).

    Attributes:
        run: takes the messages, grpcio's context, and for a stream that does not block, a function that sends.
        patience: how many seconds a client may take for its first message; None = the call does not wait for it.
        refusal: ends the call in place of this behaviour while the server is busy.
        refuses_all: every call ends with `refusal`, which is also what `run` does.
        answers_while_it_receives: the client may wait for the initial metadata before it sends a message.
        experimental_non_blocking: `run` returns at once and sends from any thread later.
        experimental_thread_pool: serves the calls; None = the server's.
    """

    run: Callable[..., Any]
    patience: float | None = None
    refusal: Refusal | None = None
    refuses_all: bool = False
    answers_while_it_receives: bool = False
    experimental_non_blocking: bool = False
    experimental_thread_pool: ThreadPool | None = None

    def __call__(self, *args: Any) -> Any:
        return self.run(*args)


def blocking(begin: Callable[..., None], pool: ThreadPool | None) -> Callable[..., Iterator[bytes]]:
    """Return a behaviour that yields the messages which `begin` sends: the fallback of non-blocking behaviours.

    It holds a thread of the pool as long as the stream is open, and adds a spare one for it.
    """

    def answer(messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        handover = _Handover()
        if not context.add_callback(handover.close):
            return
        has_spare = pool is not None and pool.add_spare()
        try:
            begin(messages, context, handover.send)
            yield from handover
        finally:
            if pool is not None and has_spare:
                pool.retire_spare()

    return answer


class _Handover:
    """Passes messages from the threads that send them to the thread in which grpcio takes them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._message: bytes | None = None
        self._is_over = False

    def send(self, message: bytes | None) -> None:
        """Pass a message on; wait while the one before is not taken. None ends the stream, without a wait."""
        with self._changed:
            if message is None:
                self._is_over = True
            else:
                self._changed.wait_for(lambda: self._message is None or self._is_over)
                self._message = None if self._is_over else message
            self._changed.notify_all()

    def close(self) -> None:
        """End the stream. grpcio calls this when the call is over."""
        self.send(None)

    def __iter__(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._message is not None or self._is_over)
                message, self._message = self._message, None
                self._changed.notify_all()
            if message is None:
                return
            yield message


class Messages(Iterator[bytes]):
    """The messages of a call: the first, received already, then those that grpcio receives during iteration.

    grpcio ends a wait for a message only with the call, and a cancelled call sends no status. `end` ends only the wait,
    so that the waiting thread can send a status: it writes to the call's private state. The fallback cancels the call
    (`RpcContext.end_messages`), whose client then does not get the reason.

    Attributes:
        failure: the failure with which the server ended them, until it is raised.
    """

    def __init__(self, rest: Iterator[bytes], state: Any) -> None:
        self.failure: Failure | None = None
        self._rest = rest
        self._state = state
        self._is_ended = self._is_waiting = False
        self._first: bytes | None = None
        self._is_first = True

    def set_first(self, first: bytes | None) -> None:
        """Set the first message; None if the client sent none."""
        self._first = first

    def __next__(self) -> bytes:
        if self._is_first:
            self._is_first = False
            first, self._first = self._first, None
            if first is not None:
                return first
        # The lock is reentrant, and grpcio releases it while it waits.
        with self._state.condition:
            if self._is_ended:
                raise StopIteration
            self._is_waiting = True
            try:
                message = next(self._rest)
            finally:
                self._is_waiting = False
        if self._is_ended:
            raise StopIteration
        return message

    def end(self, failure: Failure) -> None:
        """End the messages, also during a wait for one. May run in any thread."""
        with self._state.condition:
            if self._is_ended:
                return
            self.failure, self._is_ended = failure, True
            if self._is_waiting:
                # Any object ends the wait. grpcio drops the message that it is receiving when the status is sent.
                self._state.request = self._state.request or self
                self._state.condition.notify_all()


class EarlyCall:
    """A call as grpcio submits it to a pool, before it has a thread.

    Its caller is known, so that callers can take turns, and its first message is received on grpcio's own serving
    thread, so that a silent client holds no thread. grpcio offers neither: this reads the private arguments that it
    submits, and receives as its private code does. The fallback gives each call a thread at once; the watchdog replaces
    the threads that wait and cuts the calls, and `maximum_concurrent_rpcs` limits their number.
    """

    def __init__(
        self, serve: Any, event: Any, state: Any, behaviour: Behaviour, thunk: Any, rest: tuple[Any, ...]
    ) -> None:
        self._serve = serve
        self._event = event
        self._state = state
        self._behaviour = behaviour
        self._rest = rest
        self._messages: Any = thunk()
        self._on_first_message: Callable[[], None] | None = None
        #: Whether the first message has arrived.
        self.has_message = False
        self._cancelled_at: float | None = None

    @classmethod
    def of(cls, args: tuple[Any, ...]) -> "EarlyCall | None":
        """Interpret the arguments that grpcio submits for a call; None if they have another form."""
        if not uses_private_api() or len(args) != 7:
            return None
        serve, event, state, behaviour, thunk, *rest = args
        if serve not in (_server._unary_response_in_pool, _server._stream_response_in_pool):
            return None
        # For a handler of a single request, calling `thunk` would start to receive it.
        if not isinstance(behaviour, Behaviour) or (behaviour.patience is None and not behaviour.refuses_all):
            return None
        return cls(serve, event, state, behaviour, thunk, tuple(rest))

    def arguments(self) -> tuple[Any, ...]:
        """Return the arguments that grpcio submitted, with the messages replaced by those received here."""
        return (self._serve, self._event, self._state, self._behaviour, lambda: self._messages, *self._rest)

    def caller(self) -> str:
        """Return the key under which the call is queued among those of other callers."""
        authorization, forwarded = None, []
        for name, value in self._event.invocation_metadata or ():
            if name == "authorization":
                authorization = value
            elif name == "x-forwarded-for":
                forwarded.append(value)
        peer = address_of_peer(self._event.call.peer().decode())
        return presumed_caller(authorization, client_address(peer, forwarded, settings.GRPC_TRUSTED_PROXIES))

    @property
    def is_refused(self) -> bool:
        """True if the method refuses every call."""
        return self._behaviour.refuses_all

    def refuse(self) -> bool:
        """End the call with its behaviour's refusal, on grpcio's serving thread. Return False if it has none.

        A thread would have to wait for those that are busy, so that in an overload a refusal would take as long as a
        call. The fallback refuses in a thread.
        """
        refusal = self._behaviour.refusal
        if refusal is None:
            return False
        state = self._state
        with state.condition:
            state.trailing_metadata = refusal.report(self._event.invocation_metadata or ())
            state.code, state.details = refusal.code, refusal.message
            _server._abort(state, self._event.call, _server.cygrpc.StatusCode.unknown, b"")  # type: ignore[attr-defined]
        return True

    def receive(self, guard: StallWatchdog, on_first_message: Callable[[], None]) -> None:
        """Receive the first message and call `on_first_message`, on grpcio's serving thread. Holds no other thread."""
        self._on_first_message = on_first_message
        messages = self._messages = Messages(self._messages, self._state)
        received = _server._receive_message(self._state, self._event.call, None)

        def then(event: Any) -> Any:
            outcome = received(event)
            with self._state.condition:
                first, self._state.request = self._state.request, None
            messages.set_first(first)
            self.has_message = first is not None
            guard.unwatch(self)
            self._continue()
            return outcome

        # grpcio holds the state's lock here, and has just started to listen for the call's end.
        if self._behaviour.answers_while_it_receives:
            self._send_head()
        receive_message = _server.cygrpc.ReceiveMessageOperation(_server._EMPTY_FLAGS)  # type: ignore[attr-defined]
        self._event.call.start_server_batch((receive_message,), then)
        self._state.due.add(_server._RECEIVE_MESSAGE_TOKEN)
        guard.watch(self, None, self._behaviour.patience)

    def _send_head(self) -> None:
        """Send the initial metadata, as `RpcContext.send_head`: a client may wait for it before it sends a message."""
        head = _server._get_initial_metadata_operation(self._state, ())
        self._event.call.start_server_batch((head,), _server._send_initial_metadata(self._state))
        self._state.initial_metadata_allowed = False
        self._state.due.add(_server._SEND_INITIAL_METADATA_TOKEN)

    def cut(self) -> None:
        """Serve the call without its message, so that it fails. Cancel it if its client does not read the status."""
        if self._cancelled_at is None:
            self._cancelled_at = time.monotonic() + LAST_CHANCE_SECONDS
            self._messages.end(no_message_within(self._behaviour.patience or 0))
            self._continue()
        elif time.monotonic() >= self._cancelled_at:
            self._event.call.cancel()

    def _continue(self) -> None:
        """Call `on_first_message`, at most once."""
        with self._state.condition:
            on_first_message, self._on_first_message = self._on_first_message, None
        if on_first_message is not None:
            on_first_message()
