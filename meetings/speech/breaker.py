"""Circuit breaker of a node: while a node cannot be reached, calls go to the next one at once."""

import random
import threading
import time
from collections.abc import Callable
from enum import IntEnum

from meetings.metrics import node_breaker

#: How long an open breaker stays open: twice as long each time, up to the second number. A node that returns is in use
#: again within 30 seconds.
PAUSE_SECONDS = (1.0, 15.0)
#: So many calls in a row whose connection broke open the breaker.
LOST_CALLS = 3
#: How long the one caller that tries a half-open node may take. Then another one tries it.
TRIAL_SECONDS = 10.0


class BreakerState(IntEnum):
    """Values of the gauge, and of `models.SpeechNode.state`."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """The state of one node in this process.

    Args:
        name: of the node, in metrics.
        changed: is called after each change of the state.

    Attributes:
        reason: why it is open, as a sentence.
    """

    def __init__(self, name: str, changed: Callable[["Breaker"], None] = lambda breaker: None) -> None:
        self.name = name
        self.state = BreakerState.CLOSED
        self.reason = ""
        self._changed = changed
        self._lock = threading.Lock()
        self._lost_calls = 0
        self._pause = PAUSE_SECONDS[0]
        self._until = 0.0
        node_breaker.labels(name).set(self.state)

    def admits(self) -> bool:
        """Return whether the caller may use the node. Once the pause is over, the first caller may, to try it."""
        with self._lock:
            if self.state is BreakerState.CLOSED:
                return True
            if time.monotonic() < self._until:
                return False
            self._until = time.monotonic() + TRIAL_SECONDS
            is_new = self._set(BreakerState.HALF_OPEN)
        self._report(is_new)
        return True

    def reached(self) -> None:
        """Record that the node has answered."""
        with self._lock:
            is_new = self._set(BreakerState.CLOSED)
        self._report(is_new)

    def finished(self) -> None:
        """Record that the node has served a whole call."""
        with self._lock:
            self._lost_calls = 0
            self._pause = PAUSE_SECONDS[0]

    def unreachable(self, reason: str) -> None:
        """Record that the node could not be reached: it is passed over for a time."""
        with self._lock:
            self.reason = reason
            # Full jitter: the processes do not all try it at once.
            self._until = time.monotonic() + self._pause * random.uniform(0.5, 1.0)  # noqa: S311
            self._pause = min(2 * self._pause, PAUSE_SECONDS[1])
            is_new = self._set(BreakerState.OPEN)
        self._report(is_new)

    def lost(self, reason: str) -> None:
        """Record that the connection broke during a call. The third in a row opens the breaker."""
        with self._lock:
            self._lost_calls += 1
            is_often = self._lost_calls >= LOST_CALLS
        if is_often:
            self.unreachable(reason)

    def _set(self, state: BreakerState) -> bool:
        before, self.state = self.state, state
        if state is BreakerState.CLOSED:
            self.reason = ""
        return before is not state

    def _report(self, is_new: bool) -> None:
        if is_new:
            node_breaker.labels(self.name).set(self.state)
            self._changed(self)
