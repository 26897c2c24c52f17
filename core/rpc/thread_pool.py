"""The threads that serve calls over gRPC; a call takes one once its message is there.

grpcio has a call's thread wait for the message, so a client that sends none holds a thread. `CallThreadPool` receives
the first message on grpcio's own serving thread instead, and only then has the call wait for its turn. For that it
reads what grpcio submits to a pool, which is private: where that looks different, the call takes its thread at once, as
grpcio has it (a test in `tests/core/test_interceptors.py` fails then).
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

#: Calls of one caller whose message has not come; each costs some memory, but no thread.
MAX_HALF_OPEN = 2_000


class CallThreadPool(thread_pool.ThreadPool):
    """Threads for gRPC calls, in turns by caller.

    Attributes:
        guard: cuts calls whose message does not come; None = calls take a thread before it comes.
    """

    guard: StallWatchdog | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._half_open: Counter[str] = Counter()
        self._half_open_lock = threading.Lock()

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> futures.Future[Result]:
        """Have the call served once its message is there, a thread is free and it is its caller's turn."""
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

        def come() -> None:
            self._note_half_open(caller, -1)
            self.run(serve, caller)

        arrived.receive(self.guard, come)
        return future

    def _note_half_open(self, caller: str, one: int) -> None:
        with self._half_open_lock:
            self._half_open[caller] += one
            if not self._half_open[caller]:
                del self._half_open[caller]


def _begin(caller: str, run: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    # `run` has what it is given called in the call's own context.
    return run(_within, caller, *arguments)


def _within(caller: str, serve: Callable[..., Any], *arguments: Any) -> Any:
    context.caller_key.set(caller)
    return serve(*arguments)


class FirstThen(Iterator[bytes]):
    """The messages of a call: the first, which is there, then those that grpcio receives when they are asked for.

    grpcio ends a wait for a message only with the call, and a cancelled call sends no status. `end` ends the wait
    alone, so that the thread that waited can send one.

    Attributes:
        failure: why the server has ended them, until that is raised.
    """

    def __init__(self, rest: Iterator[bytes], state: Any) -> None:
        self.failure: Failure | None = None
        self._rest = rest
        self._state = state
        self._is_ended = self._is_waiting = False
        self._first: bytes | None = None
        self._is_first = True

    def come(self, first: bytes | None) -> None:
        """The first message is there; None if there is none."""
        self._first = first

    def __next__(self) -> bytes:
        if self._is_first:
            self._is_first = False
            first, self._first = self._first, None
            if first is not None:
                return first
        # The lock is reentrant, and grpcio lets go of it while it waits.
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
        """Let no more messages come, also while one is waited for. Any thread may call it."""
        with self._state.condition:
            if self._is_ended:
                return
            self.failure, self._is_ended = failure, True
            if self._is_waiting:
                # Any object will do: what grpcio is still receiving comes to nothing when the status is sent.
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
        self._come: Callable[[], None] | None = None
        self._cancelled_at: float | None = None

    @classmethod
    def of(cls, args: tuple[Any, ...]) -> "_Arrived | None":
        """The call in what grpcio submits; None if that is of another form."""
        if len(args) != 7 or args[0] not in (_server._unary_response_in_pool, _server._stream_response_in_pool):
            return None
        serve, event, state, behaviour, thunk, *rest = args
        # A handler of one request would begin to receive it here.
        if not hasattr(behaviour, "takes_messages"):
            return None
        return cls(serve, event, state, behaviour, thunk, tuple(rest))

    def arguments(self) -> tuple[Any, ...]:
        """What grpcio submitted, with the messages as they are by now."""
        return (self._serve, self._event, self._state, self._behaviour, lambda: self._messages, *self._rest)

    def caller(self) -> str:
        """As whose the call counts."""
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
        """Have the call refused instead of served; False if nothing is known that does."""
        refusal = getattr(self._behaviour, "refusal", None)
        if refusal is None:
            return False
        self._serve, self._behaviour = _server._stream_response_in_pool, refusal
        return True

    def receive(self, guard: StallWatchdog, come: Callable[[], None]) -> None:
        """Receive the first message, then call `come`, on grpcio's serving thread. Holds no thread until then."""
        self._come = come
        messages = self._messages = FirstThen(self._messages, self._state)
        received = _server._receive_message(self._state, self._event.call, None)

        def then(event: Any) -> Any:
            outcome = received(event)
            with self._state.condition:
                first, self._state.request = self._state.request, None
            messages.come(first)
            guard.release(self)
            self._come_once()
            return outcome

        # grpcio holds the state's lock here, and has just begun to listen for the call's end.
        if self._behaviour.answers_while_it_receives:
            self._send_head()
        self._event.call.start_server_batch((cygrpc.ReceiveMessageOperation(_server._EMPTY_FLAGS),), then)
        self._state.due.add(_server._RECEIVE_MESSAGE_TOKEN)
        guard.hold(self, None, self._behaviour.patience)

    def _send_head(self) -> None:
        """As `RpcCall.send_head`: a client may wait for the head before it sends its first message."""
        head = _server._get_initial_metadata_operation(self._state, ())
        self._event.call.start_server_batch((head,), _server._send_initial_metadata(self._state))
        self._state.initial_metadata_allowed = False
        self._state.due.add(_server._SEND_INITIAL_METADATA_TOKEN)

    def cut(self) -> None:
        """The message did not come in time: the call is served without it, and fails. If it stays, cancel it."""
        if self._cancelled_at is None:
            self._cancelled_at = time.monotonic() + LAST_CHANCE_SECONDS
            self._messages.end(no_message_within(self._behaviour.patience))
            self._come_once()
        elif time.monotonic() >= self._cancelled_at:
            self._event.call.cancel()

    def _come_once(self) -> None:
        with self._state.condition:
            come, self._come = self._come, None
        if come is not None:
            come()
