"""A thread pool for calls, with a share for each caller."""

import queue
import threading
import time
import weakref
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from concurrent import futures
from typing import Any, TypeVar

from django.db import connections
from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core import context
from core.concurrency.presence import PRESENCE
from core.concurrency.shedding import AGAIN_SECONDS, Shedding

#: The pools of this process, for its metrics.
_POOLS: "weakref.WeakSet[ThreadPool]" = weakref.WeakSet()

Result = TypeVar("Result")
Work = Callable[[], None]

#: While other callers are present, a caller's next call starts when its last one has ended or has taken this long. Its
#: calls then do not compete for the interpreter with those of others, and a slow one does not hold up a quick one.
_ALONE_SECONDS = 0.2
#: Calls of one caller that may wait for a thread of a pool, unless the pool has another limit.
MAX_WAITING = 1_000


class ThreadPool(futures.Executor):
    """A thread pool in which one caller cannot starve the others.

    Callers take turns, so a caller with few waiting calls does not wait for those of a caller with many. One caller
    holds at most its share of the threads, which is smaller while other callers are present.

    Further differences to `futures.ThreadPoolExecutor`: the number of waiting calls is limited (`has_room`); spare
    threads replace stalled ones (`add_spare`); threads close their database connections when they end, and do not keep
    the process from ending.

    Args:
        name: of the threads.
        size: how many calls are served at once; a handful for each core is best, more only compete for the interpreter.
        max_waiting: how many calls of one caller may wait for a thread; of all together, ten times as many.
        max_spares: how many threads there may be above `size`.
        share: how many threads one caller may hold while it is alone; by default three quarters.
        share_beside_others: how many while others are present; by default a quarter.
        lazy: start threads as they are needed.
        at_rest: called by a thread after each piece of work.
        sheds: the pool sheds load (`core.concurrency.shedding`).
    """

    def __init__(
        self,
        name: str,
        size: int,
        max_waiting: int = MAX_WAITING,
        max_spares: int = 64,
        *,
        share: int | None = None,
        share_beside_others: int | None = None,
        lazy: bool = False,
        at_rest: Callable[[], None] = lambda: None,
        sheds: bool = False,
    ) -> None:
        self._name = name
        self._size = size
        self._max_waiting = max_waiting
        self._max_spares = max_spares
        self._shedding = Shedding() if sheds else None
        self._refused = 0
        self._share = share or size - size // 4
        self._share_beside_others = min(self._share, share_beside_others or max(1, size // 4))
        #: False where work is no sign that its caller is present: the events of a stream come from others.
        self._notes_presence = self._share_beside_others < self._share
        self._at_rest = at_rest
        #: One for each piece of work that may start; None ends a thread.
        self._tokens: queue.SimpleQueue[bool | None] = queue.SimpleQueue()
        #: Work by caller, the caller whose turn is next first; each with the time at which it was put there.
        self._waiting: OrderedDict[str, deque[tuple[Work, float]]] = OrderedDict()
        self._count = 0
        self._running: Counter[str] = Counter()
        #: Tokens whose work could not start, because its caller had its share or none might begin.
        self._put_off = 0
        #: Idle threads that look from time to time whether work may start that was put off.
        self._watching = 0
        #: When the last call of each caller with running calls began.
        self._begun_at: dict[str, float] = {}
        #: When the call of each thread at work began, if the pool sheds load; by `threading.get_ident`.
        self._at_work: dict[int, float] = {}
        self._spares = 0
        self._idle = 0
        self._has_ended = False
        self._lock = threading.Lock()
        self._threads_alive: set[threading.Thread] = set()
        _POOLS.add(self)
        with self._lock:
            for _ in range(0 if lazy else size):
                self._start()

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> futures.Future[Result]:
        """Schedule `fn`, to run when a thread is free and it is the caller's turn (`core.context.caller_key`)."""
        return self.submit_for(context.caller_key.get(), fn, *args, **kwargs)

    def submit_for(
        self, caller: str, fn: Callable[..., Result], /, *args: Any, **kwargs: Any
    ) -> futures.Future[Result]:
        """Schedule `fn` for this caller; otherwise like `submit`."""
        future: futures.Future[Result] = futures.Future()
        self.run(lambda: resolve(future, fn, *args, **kwargs), caller)
        return future

    def run(self, work: Work, caller: str = "") -> None:
        """Schedule work as `submit` does, but without a future: the work handles its own failures.

        Raises:
            RuntimeError: the pool has ended.
        """
        if self._notes_presence:
            PRESENCE.note(caller)
        with self._lock:
            if self._has_ended:
                raise RuntimeError(f"The thread pool {self._name} has ended.")
            waiting = self._waiting.get(caller)
            if waiting is None:
                waiting = self._waiting[caller] = deque()
            now = time.monotonic()
            waiting.append((work, now))
            if self._shedding and not self._count:
                self._shedding.note_first(now)
            self._count += 1
            if self._count - self._put_off > self._idle and len(self._threads_alive) < self._size:
                self._start()
            self._tokens.put(True)

    def figures(self) -> tuple[str, int, int, int, int]:
        """Return the pool's name, its size, how many calls it serves now, how many wait, and how many were refused."""
        with self._lock:
            return self._name, self._size, self._running.total(), self._count, self._refused

    def has_room(self, caller: str) -> bool:
        """Return whether one more call of this caller may wait.

        If the pool sheds load, few may while calls wait for long: an equal share for each caller.
        """
        with self._lock:
            waiting = len(self._waiting.get(caller, ()))
            has_room = waiting < self._max_waiting and (not waiting or self._count < 10 * self._max_waiting)
            if has_room and self._shedding and self._count:
                others = len(self._waiting) - (waiting > 0)
                has_room = self._shedding.may_wait(time.monotonic(), waiting, others, self._count, self._at_work)
            self._refused += not has_room
            return has_room

    def add_spare(self) -> bool:
        """Add a thread while another is stalled; return False if the limit is reached, or the pool has ended."""
        with self._lock:
            if self._spares >= self._max_spares or self._has_ended:
                return False
            self._spares += 1
            self._start()
        return True

    def retire_spare(self) -> None:
        """End one thread, because a stalled one is free again."""
        with self._lock:
            self._spares -= 1
        self._tokens.put(None)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the threads once they have served the waiting calls."""
        self.end(within=None if wait else 0)

    def end(self, within: float | None) -> None:
        """End the threads once they have served the waiting calls; wait for that, at most `within` seconds."""
        with self._lock:
            self._has_ended = True
            threads = list(self._threads_alive)
            # Work that waits for its caller's share starts now, before the threads end.
            self._share = self._share_beside_others = len(threads)
            put_off, self._put_off = self._put_off, 0
        for token in [True] * put_off + [None] * len(threads):
            self._tokens.put(token)
        until = None if within is None else time.monotonic() + within
        for thread in threads:
            thread.join(None if until is None else max(0.0, until - time.monotonic()))

    def _may_begin(self, caller: str, now: float) -> bool:
        running = self._running[caller]
        if self._share_beside_others >= self._share or not PRESENCE.is_beside_others(caller):
            return running < self._share
        if running < self._share_beside_others:
            return not running or now - self._begun_at[caller] >= _ALONE_SECONDS
        return False

    def _begin(self) -> tuple[str, Work] | None:
        """Take the work whose turn it is; None if every waiting caller has its share of threads, or none may begin."""
        now = time.monotonic()
        with self._lock:
            self._idle -= 1
            may_begin = not self._shedding or self._shedding.may_begin(now, self._at_work)
            for caller, waiting in self._waiting.items() if may_begin else ():
                if self._may_begin(caller, now):
                    work, put_at = waiting.popleft()
                    if waiting:
                        self._waiting.move_to_end(caller)
                    else:
                        del self._waiting[caller]
                    self._running[caller] += 1
                    self._begun_at[caller] = now
                    self._count -= 1
                    if self._shedding:
                        self._shedding.note_begun(now, now - put_at)
                        self._at_work[threading.get_ident()] = now
                    if self._put_off and self._idle and not self._watching:
                        self._put_off -= 1
                        self._tokens.put(True)  # This thread may have been the last that looks.
                    return caller, work
            self._put_off += 1
        return None

    def _end(self, caller: str) -> None:
        with self._lock:
            self._at_work.pop(threading.get_ident(), None)
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller], self._begun_at[caller]
            again = self._put_off > 0
            self._put_off -= again
        if again:
            self._tokens.put(True)

    def _start(self) -> None:
        """Start a thread. The caller holds the lock, so that `end` knows every thread, and each has started."""
        thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
        thread.start()
        self._threads_alive.add(thread)

    def _next_token(self) -> bool:
        """Wait for work that may start, or until postponed work may be able to; return False to end the thread."""
        patience = AGAIN_SECONDS if self._shedding else _ALONE_SECONDS
        while True:
            with self._lock:
                watches = self._put_off > 0
                self._watching += watches
            try:
                return self._tokens.get(timeout=patience if watches else None) is not None
            except queue.Empty:
                with self._lock:
                    if self._put_off:
                        self._put_off -= 1
                        return True
            finally:
                with self._lock:
                    self._watching -= watches

    def _serve(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            if not self._next_token():
                break
            begun = self._begin()
            if begun is None:
                continue
            caller, work = begun
            try:
                work()
            finally:
                del begun, work  # Otherwise the call's messages would live until the next call.
                self._at_rest()
                self._end(caller)
        connections.close_all()
        with self._lock:
            self._idle -= 1
            self._threads_alive.discard(threading.current_thread())


def resolve(future: futures.Future[Result], fn: Callable[..., Result], *args: Any, **kwargs: Any) -> None:
    """Call `fn` and give the future its outcome."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = fn(*args, **kwargs)
    except BaseException as exc:  # The future's owner handles it.
        future.set_exception(exc)
    else:
        future.set_result(result)


class _PoolMetrics(Collector):
    """Reads the pools when metrics are requested, so that calls have no cost for them."""

    def collect(self) -> Iterable[Metric]:
        size = GaugeMetricFamily("tandem_pool_threads", "Calls that a pool serves at once.", labels=["pool"])
        busy = GaugeMetricFamily("tandem_pool_busy", "Calls that a pool serves now.", labels=["pool"])
        waiting = GaugeMetricFamily("tandem_pool_waiting", "Calls that wait for a thread of a pool.", labels=["pool"])
        refused = CounterMetricFamily("tandem_pool_refused", "Calls for which a pool had no room.", labels=["pool"])
        for name, threads, running, count, full in sorted(pool.figures() for pool in list(_POOLS)):
            size.add_metric([name], threads)
            busy.add_metric([name], running)
            waiting.add_metric([name], count)
            refused.add_metric([name], full)
        return [size, busy, waiting, refused]


REGISTRY.register(_PoolMetrics())
