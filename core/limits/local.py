"""Sliding windows in the memory of one process.

A window counts units by the second in which they were spent. A second leaves the window when all of it is older than
the window's length, so within no span of that length is more spent than the limit; a unit counts for up to a second
longer.
"""

import threading
from collections import OrderedDict

from core.limits.budgets import Budget, Standing

#: Callers that are remembered. Beyond it, the one that has not called for longest is forgotten.
MAX_CALLERS = 50_000


class _Window:
    """The units that one caller has spent, by second."""

    __slots__ = ("by_second", "used")

    def __init__(self) -> None:
        self.by_second: dict[int, int] = {}
        self.used = 0


class LocalStore:
    """Windows of many callers. Threads may share it.

    Args:
        max_callers: bounds the memory. A window has an entry for each second in which its caller called.
    """

    def __init__(self, max_callers: int = MAX_CALLERS) -> None:
        self._max_callers = max_callers
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._windows)

    def take(self, caller: str, cost: int, budget: Budget, now: float) -> Standing:
        """Spend units of a caller's budget if it covers them.

        Args:
            now: in seconds, on a clock that never goes back.
        """
        _, limit, seconds = budget
        second = int(now)
        with self._lock:
            window = self._windows.get(caller)
            if window is None:
                self._make_room(second - seconds)
                window = self._windows[caller] = _Window()
            else:
                self._windows.move_to_end(caller)
            by_second = window.by_second
            while (first := next(iter(by_second), second)) < second - seconds:
                window.used -= by_second.pop(first)
            used = window.used + cost
            if used > limit:
                wait = _wait(by_second, used - limit, seconds, now)
                return Standing(False, budget, max(0, limit - window.used), wait)
            window.used = used
            by_second[second] = by_second.get(second, 0) + cost
            return Standing(True, budget, limit - used, first + seconds + 1 - now)

    def give_back(self, caller: str, cost: int, now: float) -> None:
        """Undo one `take` of the same time."""
        with self._lock:
            window = self._windows.get(caller)
            if window is not None and (spent := window.by_second.get(int(now), 0)) >= cost:
                window.by_second[int(now)] = spent - cost
                window.used -= cost

    def _make_room(self, expired: int) -> None:
        """Forget the callers that have called longest ago: two whose windows are over, and any at the limit."""
        for _ in range(2):
            oldest = next(iter(self._windows), None)
            if oldest is None:
                return
            last = next(reversed(self._windows[oldest].by_second), expired - 1)
            if last >= expired and len(self._windows) < self._max_callers:
                return
            del self._windows[oldest]


def _wait(by_second: dict[int, int], missing: int, seconds: int, now: float) -> float:
    """Return the seconds until as many units as are missing have left the window."""
    for second, units in by_second.items():
        missing -= units
        if missing <= 0:
            return second + seconds + 1 - now
    return float(seconds)
