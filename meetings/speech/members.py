"""The nodes of a pool, and what this process knows of each: its engines, its circuit breaker, whether it is busy."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from meetings.speech.breaker import Breaker, BreakerState
from meetings.speech.node import EngineBusy, EngineLost, EngineUnavailable, Node, NodeUnavailable, supports
from tandem.speech.v1 import speech_pb2

#: How long a node's capabilities are cached.
CACHE_SECONDS = 5.0
#: How long a node without a free stream is passed over. A job that was refused returns within this time.
BUSY_SECONDS = 10.0
#: The state of a node is reported so often although it has not changed.
REPORT_SECONDS = 60.0

Answer = TypeVar("Answer")


class NodeReport(NamedTuple):
    """The state of a node, as this process sees it."""

    #: The URL without its credentials, and without its query, which names files.
    address: str
    state: BreakerState
    reason: str
    engines: Sequence[speech_pb2.Engine]


#: Receives the reports of this process. It must not raise.
Listener = Callable[[NodeReport], None]


class Member:
    """A node of a pool.

    Args:
        address: the node's URL without its credentials and its query.
        listeners: receive its state after each change, and each minute while it is used.
    """

    def __init__(self, address: str, node: Node, listeners: Sequence[Listener] = ()) -> None:
        self.address = address
        self.node = node
        self._listeners = listeners
        self._breaker = None if node.restarts_itself else Breaker(address, lambda breaker: self._report())
        self._lock = threading.Lock()
        self._engines: Sequence[speech_pb2.Engine] = ()
        self._fresh_until = self._busy_until = self._report_at = 0.0

    @property
    def is_busy(self) -> bool:
        """Return whether it lately had no free stream."""
        return time.monotonic() < self._busy_until

    def engines(self) -> Sequence[speech_pb2.Engine]:
        """Return the engines that it offers.

        Raises:
            EngineUnavailable: it cannot be reached, or could not be a moment ago.
        """
        breaker = self._breaker
        if breaker and not breaker.admits():
            raise EngineUnavailable(breaker.reason)
        with self._lock:
            if time.monotonic() < self._fresh_until and (breaker is None or breaker.state is BreakerState.CLOSED):
                return self._engines
        try:
            engines = self.node.engines()
        except EngineUnavailable as exc:
            if breaker:
                breaker.unreachable(str(exc))
            raise
        now = time.monotonic()
        with self._lock:
            self._engines, self._fresh_until = engines, now + CACHE_SECONDS
            is_due = now >= self._report_at
        if breaker:
            breaker.reached()
        if is_due:
            self._report()
        return engines

    def may_offer(self, kind: speech_pb2.EngineKind, language: str) -> bool:
        """Return whether it would have an engine of this kind for this language, or has never been reached."""
        engines = self._engines
        return not engines or any(engine.kind == kind and supports(engine, language) for engine in engines)

    def observed(self, answers: Iterator[Answer]) -> Iterator[Answer]:
        """Yield the answers of a call, and record how it ends.

        Raises:
            NodeUnavailable: the node could not be reached, and is passed over for a time.
        """
        breaker = self._breaker
        try:
            yield from answers
        except EngineBusy:
            self._busy_until = time.monotonic() + BUSY_SECONDS
            raise
        except EngineUnavailable as exc:
            if breaker is None:
                raise
            breaker.unreachable(str(exc))
            raise NodeUnavailable(str(exc)) from exc
        except EngineLost as exc:
            # The next caller asks the node whether it is still there.
            self._fresh_until = 0.0
            if breaker:
                breaker.lost(str(exc))
            raise
        if breaker:
            breaker.finished()

    def _report(self) -> None:
        self._report_at = time.monotonic() + REPORT_SECONDS
        state, reason = (self._breaker.state, self._breaker.reason) if self._breaker else (BreakerState.CLOSED, "")
        for listener in self._listeners:
            listener(NodeReport(self.address, state, reason, self._engines))
