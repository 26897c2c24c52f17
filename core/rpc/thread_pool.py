"""The thread pools of gRPC calls. A call needs a thread only after its first message has arrived."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent import futures
from typing import Any, TypeVar

from core import context
from core.concurrency.thread_pool import ThreadPool, resolve
from core.rpc import compat
from core.rpc.compat import EarlyCall
from core.rpc.stall_watchdog import StallWatchdog

Result = TypeVar("Result")

#: Calls of one caller whose message has not arrived; each costs some memory, but no thread.
MAX_HALF_OPEN = 2_000
#: More threads than any pool has.
_NO_SHARE = 10_000


class CallThreadPool(ThreadPool, futures.ThreadPoolExecutor):
    """Threads for gRPC calls, in turns by caller.

    It is a `ThreadPoolExecutor` because grpcio accepts no other executor for a method, and uses nothing of that class.

    Attributes:
        guard: cuts calls whose message does not arrive; None = calls take a thread before it arrives.
    """

    guard: StallWatchdog | None = None

    def __init__(self, name: str, size: int, max_waiting: int = 1_000, **options: Any) -> None:
        if not compat.uses_private_api():
            # The callers of waiting calls are not known then, so that shares would limit all calls together.
            options |= {"share": _NO_SHARE, "share_beside_others": _NO_SHARE}
        super().__init__(name, size, max_waiting, **options)
        self._half_open: Counter[str] = Counter()
        self._half_open_lock = threading.Lock()

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> futures.Future[Result]:
        """Serve the call once its message has arrived, a thread is free and it is its caller's turn."""
        early = EarlyCall.of(args)
        if early is None:
            return super().submit(fn, *args, **kwargs)
        future: futures.Future[Any] = futures.Future()
        caller = early.caller()
        is_full = early.is_refused or not self.has_room(caller) or self._half_open[caller] >= MAX_HALF_OPEN
        if is_full and early.refuse():
            future.set_result(None)
            return future

        def serve() -> None:
            resolve(future, _begin, caller, fn, early.arguments())

        if self.guard is None:
            self.run(serve, caller)
            return future

        self._note_half_open(caller, 1)

        def on_first_message() -> None:
            self._note_half_open(caller, -1)
            # The pool may have filled up since; a call that is cut must get its own status.
            if early.has_message and not self.has_room(caller) and early.refuse():
                future.set_result(None)
                return
            self.run(serve, caller)

        early.receive(self.guard, on_first_message)
        return future

    def _note_half_open(self, caller: str, one: int) -> None:
        with self._half_open_lock:
            self._half_open[caller] += one
            if not self._half_open[caller]:
                del self._half_open[caller]


def _begin(caller: str, run: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    # `run` calls the function within the call's own context.
    return run(_within, caller, *arguments)


def _within(caller: str, serve: Callable[..., Any], *arguments: Any) -> Any:
    context.caller_key.set(caller)
    return serve(*arguments)
