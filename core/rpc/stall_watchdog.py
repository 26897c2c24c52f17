"""The guard against clients that hold up a thread and say nothing.

A unary call whose message never comes holds its thread for ever, and so does a message that is sent to a client which
does not read: neither wait of grpcio has a timeout. Two such calls stop a server of two threads.
"""

import threading
import time
from typing import Protocol

from core.concurrency.thread_pool import ThreadPool
from core.errors import DeadlineExceeded

_CHECK_INTERVAL_SECONDS = 0.05


def no_message_within(seconds: float) -> DeadlineExceeded:
    """Return how a call fails whose client sends nothing."""
    return DeadlineExceeded(f"No message came within {seconds:g} seconds.")


class Held(Protocol):
    """A call that may be held up by its client."""

    def cut(self) -> None:
        """End the call, which wakes the thread that it holds. Called again until the thread is free."""


class StallWatchdog:
    """Looks after the threads that wait for a client.

    Another thread stands in for each that waits longer than a moment, so that clients on slow lines keep nobody
    waiting; a call that has waited for `patience` seconds, or for its own, is cut.
    """

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self._waits: dict[Held, tuple[float, ThreadPool | None, float]] = {}
        self._replaced: set[Held] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._watch, name="guard", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def hold(self, call: Held, pool: ThreadPool | None, patience: float | None = None) -> None:
        """This thread, one of `pool`, begins to wait for the call's client."""
        self._waits[call] = time.monotonic(), pool, self.patience if patience is None else patience

    def release(self, call: Held) -> None:
        """The wait is over."""
        with self._lock:
            _, pool, _ = self._waits.pop(call)
            replaced = call in self._replaced
            self._replaced.discard(call)
        if replaced and pool is not None:
            pool.retire_spare()

    def _watch(self) -> None:
        while not self._stopped.wait(_CHECK_INTERVAL_SECONDS):
            self._look()

    def _look(self) -> None:
        now = time.monotonic()
        for call, (since, pool, patience) in list(self._waits.items()):
            if now - since >= _CHECK_INTERVAL_SECONDS:
                self._look_after(call, pool, too_long=now - since >= patience)

    def _look_after(self, call: Held, pool: ThreadPool | None, *, too_long: bool) -> None:
        with self._lock:
            if call not in self._waits:
                return
            if too_long:
                call.cut()
            elif pool is not None and call not in self._replaced and pool.add_spare():
                self._replaced.add(call)
