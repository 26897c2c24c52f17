"""The threads that serve calls."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any, TypeVar

from django.db import connections

Result = TypeVar("Result")


class Workers(futures.ThreadPoolExecutor):
    """A thread pool for a server that must say no in time, end at once, and not be stopped by clients who say nothing.

    What `ThreadPoolExecutor` itself does not offer: it says when enough calls wait (`full`); stand-ins take the places
    of threads that are held up (`stand_in`); its threads close their database connections when they end; and they do
    not keep the process from ending. Measured, it costs what the standard pool costs. It inherits from that because
    grpcio takes no other class as a method's own pool, and uses nothing of it.

    Args:
        name: of the threads.
        size: how many calls are served at once; a handful for each core is best, more only fight for the interpreter.
        most_waiting: how many may wait for a thread.
        most_stand_ins: how many threads there may be above `size`.
    """

    def __init__(self, name: str, size: int, most_waiting: int = 1_000, most_stand_ins: int = 64) -> None:
        super().__init__(max_workers=size, thread_name_prefix=name)
        self._name = name
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._most_waiting = most_waiting
        self._most_stand_ins = most_stand_ins
        self._stand_ins = 0
        self._size = size
        self._lock = threading.Lock()
        self._threads_alive: set[threading.Thread] = set()
        for _ in range(size):
            self._start()

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> futures.Future[Result]:
        """Has `fn` called as soon as a thread is free."""
        future: futures.Future[Result] = futures.Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as exc:  # Whoever asked for it gets it.
                future.set_exception(exc)
            else:
                future.set_result(result)

        self._waiting.put(work)
        return future

    def run(self, work: Callable[[], None]) -> None:
        """As `submit`, for work that deals with its own failures and whose end nobody waits for."""
        self._waiting.put(work)

    @property
    def full(self) -> bool:
        """Whether as many calls wait as may."""
        return self._waiting.qsize() >= self._most_waiting

    def stand_in(self) -> bool:
        """Adds a thread while another is held up; False if there are as many as there may be."""
        with self._lock:
            if self._stand_ins >= self._most_stand_ins:
                return False
            self._stand_ins += 1
        self._start()
        return True

    def stand_down(self) -> None:
        """Ends one thread, because one that was held up is free again."""
        with self._lock:
            self._stand_ins -= 1
        self._waiting.put(None)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Lets the threads end when they have served what waits."""
        self.end(within=None if wait else 0)

    def end(self, within: float | None) -> None:
        """Lets the threads end when they have served what waits; waits for that, at most `within` seconds."""
        with self._lock:
            threads = list(self._threads_alive)
        for _ in threads:
            self._waiting.put(None)
        until = None if within is None else time.monotonic() + within
        for thread in threads:
            thread.join(None if until is None else max(0.0, until - time.monotonic()))

    def _start(self) -> None:
        thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
        with self._lock:
            self._threads_alive.add(thread)
        thread.start()

    def _serve(self) -> None:
        while (work := self._waiting.get()) is not None:
            work()
            del work  # Or the last call's messages would live until the next call.
        connections.close_all()
        with self._lock:
            self._threads_alive.discard(threading.current_thread())
