"""A circuit breaker: while the server is away, calls fail at once instead of waiting for it one by one."""

from __future__ import annotations

import enum
import threading
import time
from typing import Callable

from tandem.client.errors import Unavailable


class CircuitState(enum.Enum):
    """What becomes of calls."""

    #: They are made.
    CLOSED = "closed"
    #: They fail at once.
    OPEN = "open"
    #: One is made, to see whether the server is back; the others fail at once.
    HALF_OPEN = "half-open"


class Circuit:
    """Counts calls in a row that found nobody; may be shared by clients of one server. Thread-safe.

    Args:
        failures: so many in a row open it.
        open_seconds: how long calls fail at once, until one may try.
        on_change: told of each new state, in the thread whose call brought it about.
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
        """What becomes of calls now."""
        return self._state

    def check(self) -> None:
        """Lets a call through, or not.

        Raises:
            Unavailable: the circuit is open, or another call is trying already.
        """
        with self._lock:
            if self._state is CircuitState.CLOSED:
                return
            now = time.monotonic()
            if now < self._none_until:
                raise Unavailable("The server was away just now.", retry_after=self._none_until - now)
            # If the call that tries never tells what became of it, another may try after as long again.
            self._none_until = now + self._open_seconds
            changed = self._turn(CircuitState.HALF_OPEN)
        self._tell(changed)

    def succeeded(self) -> None:
        """A call reached the server, whatever it answered."""
        if self._failures == 0:
            return
        with self._lock:
            self._failures = 0
            changed = self._turn(CircuitState.CLOSED)
        self._tell(changed)

    def failed(self) -> None:
        """A call found nobody."""
        with self._lock:
            self._failures += 1
            opens = self._state is CircuitState.HALF_OPEN or self._failures >= self._limit
            changed = self._turn(CircuitState.OPEN) if opens else None
            if changed:
                self._none_until = time.monotonic() + self._open_seconds
        self._tell(changed)

    def _turn(self, state: CircuitState) -> CircuitState | None:
        if state is self._state:
            return None
        self._state = state
        return state

    def _tell(self, changed: CircuitState | None) -> None:
        # Without the lock: who is told may make calls.
        if changed is not None and self._on_change is not None:
            self._on_change(changed)
