"""A semaphore with turns for callers."""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A semaphore that callers get in turns: a caller with many waiting threads does not delay the others.

    Args:
        limit: how many turns there are at once.
        max_per_caller: how many of one caller.
    """

    def __init__(self, limit: int, max_per_caller: int | None = None) -> None:
        self._free = limit
        self._max_per_caller = max_per_caller or limit
        self._running: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[threading.Lock]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """Number of threads that wait for a turn."""
        with self._lock:
            return sum(map(len, self._waiting.values()))

    @contextmanager
    def turn(self, caller: str) -> Iterator[None]:
        """Wait for a turn of this caller, and hold it for the block."""
        self.take(caller)
        try:
            yield
        finally:
            self.release(caller)

    def take(self, caller: str) -> None:
        """Wait for a turn of this caller; `release` ends it."""
        with self._lock:
            if self._free and caller not in self._waiting and self._running[caller] < self._max_per_caller:
                self._free -= 1
                self._running[caller] += 1
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.setdefault(caller, deque()).append(mine)
        mine.acquire()  # Blocks until `release` releases it.

    def release(self, caller: str) -> None:
        """End a turn of this caller."""
        with self._lock:
            self._free += 1
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]
            for next_caller, waiting in self._waiting.items():
                if self._running[next_caller] < self._max_per_caller:
                    self._free -= 1
                    self._running[next_caller] += 1
                    waiting.popleft().release()
                    if waiting:
                        self._waiting.move_to_end(next_caller)
                    else:
                        del self._waiting[next_caller]
                    return
