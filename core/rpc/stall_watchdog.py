"""A watchdog for threads that wait for silent clients.

A unary call whose message never arrives holds its thread for ever, and so does sending a message to a client that does
not read: grpcio has no timeout for either wait. Two such calls would stop a server with two threads.
"""

import threading
import time
from typing import Protocol

from core.concurrency.thread_pool import ThreadPool
from core.errors import DeadlineExceeded

_CHECK_INTERVAL_SECONDS = 0.05


def no_message_within(seconds: float) -> DeadlineExceeded:
    """Return the failure of a call whose client sends nothing."""
    return DeadlineExceeded(f"No message arrived within {seconds:g} seconds.")


class Held(Protocol):
    """A call that its client may stall."""

    def cut(self) -> None:
        """End the call, which wakes the thread that it holds. Repeated until the thread is free."""


class StallWatchdog:
    """Watches the threads that wait for a client.

    For each thread that waits longer than `_CHECK_INTERVAL_SECONDS` its pool gets a spare one, so that slow clients do
    not delay others. A call that has waited for its own patience, or else for `patience` seconds, is cut.
    """

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self._waits: dict[Held, tuple[float, ThreadPool | None, float]] = {}
        self._replaced: set[Held] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="guard", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def watch(self, call: Held, pool: ThreadPool | None, patience: float | None = None) -> None:
        """Record that this thread, one of `pool`, starts to wait for the call's client."""
        self._waits[call] = time.monotonic(), pool, self.patience if patience is None else patience

    def unwatch(self, call: Held) -> None:
        """Record that the wait is over."""
        with self._lock:
            _, pool, _ = self._waits.pop(call)
            replaced = call in self._replaced
            self._replaced.discard(call)
        if replaced and pool is not None:
            pool.retire_spare()

    def _run(self) -> None:
        while not self._stopped.wait(_CHECK_INTERVAL_SECONDS):
            self._check_all()

    def _check_all(self) -> None:
        now = time.monotonic()
        for call, (since, pool, patience) in list(self._waits.items()):
            if now - since >= _CHECK_INTERVAL_SECONDS:
                self._relieve(call, pool, too_long=now - since >= patience)

    def _relieve(self, call: Held, pool: ThreadPool | None, *, too_long: bool) -> None:
        with self._lock:
            if call not in self._waits:
                return
            if too_long:
                call.cut()
            elif pool is not None and call not in self._replaced and pool.add_spare():
                self._replaced.add(call)
