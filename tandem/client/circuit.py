"""A circuit breaker: while the server cannot be reached, calls fail at once instead of waiting one by one."""

from __future__ import annotations

import enum
import threading
import time
from typing import Callable

from tandem.client.errors import Unavailable


class CircuitState(enum.Enum):
    """State of a circuit."""

    #: Calls are made.
    CLOSED = "closed"
    #: Calls fail at once.
    OPEN = "open"
    #: One call is made to probe the server; the others fail at once.
    HALF_OPEN = "half-open"


class Circuit:
    """Counts consecutive calls that did not reach the server; may be shared by clients of one server. Thread-safe.

    Args:
        failures: number of consecutive failures that open the circuit.
        open_seconds: how long calls fail at once, until one may probe the server.
        on_change: called with each new state, in the thread whose call caused it.
    """

    def __init__(
        self,
        *,
        failures: int = 5,
        open_seconds: float = 5.0,
        on_change: Callable[[CircuitState], None] | None = None,
    ) -> None:
        self._limit = failures
        self._open_seconds = open_seconds
        self._on_change = on_change
        self._lock = threading.Lock()
        self._state = CircuitState.CLOSED
        self._failures = 0
        self._none_until = 0.0

    @property
    def state(self) -> CircuitState:
        """Current state."""
        return self._state

    def check(self) -> None:
        """Permit a call.

        Raises:
            Unavailable: the circuit is open, or another call is probing the server.
        """
        with self._lock:
            if self._state is CircuitState.CLOSED:
                return
            now = time.monotonic()
            if now < self._none_until:
                raise Unavailable("The server was unavailable a moment ago.", retry_after=self._none_until - now)
            # If the probing call never reports its result, another may probe after the same time.
            self._none_until = now + self._open_seconds
            changed = self._turn(CircuitState.HALF_OPEN)
        self._notify(changed)

    def succeeded(self) -> None:
        """Record a call that reached the server, with any response."""
        if self._failures == 0:
            return
        with self._lock:
            self._failures = 0
            changed = self._turn(CircuitState.CLOSED)
        self._notify(changed)

    def failed(self) -> None:
        """Record a call that did not reach the server."""
        with self._lock:
            self._failures += 1
            opens = self._state is CircuitState.HALF_OPEN or self._failures >= self._limit
            changed = self._turn(CircuitState.OPEN) if opens else None
            if changed:
                self._none_until = time.monotonic() + self._open_seconds
        self._notify(changed)

    def _turn(self, state: CircuitState) -> CircuitState | None:
        if state is self._state:
            return None
        self._state = state
        return state

    def _notify(self, changed: CircuitState | None) -> None:
        # Called without the lock, because the callback may make calls.
        if changed is not None and self._on_change is not None:
            self._on_change(changed)
