"""Thread pools for gRPC calls. A call needs a thread only after its first message has arrived.

In grpcio a call's thread waits for the message, so that a silent client holds a thread. `CallThreadPool` receives the
first message on grpcio's own serving thread instead, and then queues the call. For this it interprets the arguments
that grpcio submits to a pool, which are private. If they have another form, the call takes a thread at once, as in
grpcio (a test in `tests/core/rpc/test_call_limits.py` fails then).
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any, TypeVar

from django.conf import settings
from grpc import _server
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from core import context
from core.addresses import client_address
from core.auth import presumed_caller
from core.concurrency import thread_pool
from core.errors import Failure
from core.rpc.peers import address_of_peer
from core.rpc.stall_watchdog import StallWatchdog, no_message_within
from core.streams import LAST_CHANCE_SECONDS

Result = TypeVar("Result")

#: Calls of one caller whose message has not arrived; each costs some memory, but no thread.
MAX_HALF_OPEN = 2_000


class CallThreadPool(thread_pool.ThreadPool):
    """Threads for gRPC calls, in turns by caller.

    Attributes:
        guard: cuts calls whose message does not arrive; None = calls take a thread before it arrives.
    """

    guard: StallWatchdog | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._half_open: Counter[str] = Counter()
        self._half_open_lock = threading.Lock()

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> futures.Future[Result]:
        """Serve the call once its message has arrived, a thread is free and it is its caller's turn."""
        arrived = _Arrived.of(args)
        if arrived is None:
            return super().submit(fn, *args, **kwargs)
        caller = arrived.caller()
        future: futures.Future[Any] = futures.Future()

        def serve() -> None:
            thread_pool.resolve(future, _begin, caller, fn, arrived.arguments())

        if not (self.has_room(caller) and self._half_open[caller] < MAX_HALF_OPEN) and arrived.refuse():
            arrived.pool_of_refusals.run(serve, caller)
            return future
        if self.guard is None:
            self.run(serve, caller)
            return future

        self._note_half_open(caller, 1)

        def on_first_message() -> None:
            self._note_half_open(caller, -1)
            self.run(serve, caller)

        arrived.receive(self.guard, on_first_message)
        return future

    def _note_half_open(self, caller: str, one: int) -> None:
        with self._half_open_lock:
            self._half_open[caller] += one
            if not self._half_open[caller]:
                del self._half_open[caller]


def _begin(caller: str, run: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    # `run` calls the function within the call's own context.
    return run(_within, caller, *arguments)


def _within(caller: str, serve: Callable[..., Any], *arguments: Any) -> Any:
    context.caller_key.set(caller)
    return serve(*arguments)


class FirstThen(Iterator[bytes]):
    """The messages of a call: the first, received already, then those that grpcio receives during iteration.

    grpcio ends a wait for a message only with the call, and a cancelled call sends no status. `end` ends only the wait,
    so that the waiting thread can send a status.

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


class _Arrived:
    """A call as grpcio submits it to a pool."""

    def __init__(self, serve: Any, event: Any, state: Any, behaviour: Any, thunk: Any, rest: tuple[Any, ...]) -> None:
        self._serve = serve
        self._event = event
        self._state = state
        self._behaviour = behaviour
        self._rest = rest
        self._messages: Any = thunk()
        self._on_first_message: Callable[[], None] | None = None
        self._cancelled_at: float | None = None

    @classmethod
    def of(cls, args: tuple[Any, ...]) -> "_Arrived | None":
        """Interpret the arguments that grpcio submits for a call; None if they have another form."""
        if len(args) != 7 or args[0] not in (_server._unary_response_in_pool, _server._stream_response_in_pool):
            return None
        serve, event, state, behaviour, thunk, *rest = args
        # For a handler of a single request, calling `thunk` would start to receive it.
        if not hasattr(behaviour, "takes_messages"):
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
    def pool_of_refusals(self) -> thread_pool.ThreadPool:
        pool: thread_pool.ThreadPool = self._behaviour.experimental_thread_pool
        return pool

    def refuse(self) -> bool:
        """Replace the call's behaviour by its refusal. Returns False if it has none."""
        refusal = getattr(self._behaviour, "refusal", None)
        if refusal is None:
            return False
        self._serve, self._behaviour = _server._stream_response_in_pool, refusal
        return True

    def receive(self, guard: StallWatchdog, on_first_message: Callable[[], None]) -> None:
        """Receive the first message and call `on_first_message`, on grpcio's serving thread. Holds no other thread."""
        self._on_first_message = on_first_message
        messages = self._messages = FirstThen(self._messages, self._state)
        received = _server._receive_message(self._state, self._event.call, None)

        def then(event: Any) -> Any:
            outcome = received(event)
            with self._state.condition:
                first, self._state.request = self._state.request, None
            messages.set_first(first)
            guard.unwatch(self)
            self._continue()
            return outcome

        # grpcio holds the state's lock here, and has just started to listen for the call's end.
        if self._behaviour.answers_while_it_receives:
            self._send_head()
        self._event.call.start_server_batch((cygrpc.ReceiveMessageOperation(_server._EMPTY_FLAGS),), then)
        self._state.due.add(_server._RECEIVE_MESSAGE_TOKEN)
        guard.watch(self, None, self._behaviour.patience)

    def _send_head(self) -> None:
        """Send the initial metadata, as `RpcCall.send_head`: a client may wait for it before it sends a message."""
        head = _server._get_initial_metadata_operation(self._state, ())
        self._event.call.start_server_batch((head,), _server._send_initial_metadata(self._state))
        self._state.initial_metadata_allowed = False
        self._state.due.add(_server._SEND_INITIAL_METADATA_TOKEN)

    def cut(self) -> None:
        """Serve the call without its message, so that it fails. Cancel it if its client does not read the status."""
        if self._cancelled_at is None:
            self._cancelled_at = time.monotonic() + LAST_CHANCE_SECONDS
            self._messages.end(no_message_within(self._behaviour.patience))
            self._continue()
        elif time.monotonic() >= self._cancelled_at:
            self._event.call.cancel()

    def _continue(self) -> None:
        """Call `on_first_message`, at most once."""
        with self._state.condition:
            on_first_message, self._on_first_message = self._on_first_message, None
        if on_first_message is not None:
            on_first_message()
