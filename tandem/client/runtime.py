"""The operations that differ between the blocking client and the asyncio client.

What is common to both is written once, as coroutines that wait only through a `Runtime`. The asyncio client awaits
them. The blocking client runs them by `run`: with `Blocking`, each operation blocks the thread and never suspends.
"""

from __future__ import annotations

import threading
import time
from typing import Any, AsyncContextManager, Callable, Coroutine, Protocol, TypeVar

Result = TypeVar("Result")


class Runtime(Protocol):
    """Waits on behalf of a client."""

    def lock(self) -> AsyncContextManager[Any]:
        """Return a lock for the callers of one client."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def call(self, rpc: Any, request: Any, timeout: float) -> Any:
        """Make a unary call.

        Raises:
            grpc.RpcError: it failed.
        """

    async def complete(self, steps: Coroutine[Any, Any, Result]) -> Result:
        """Run steps that must not stop halfway, also if the caller is cancelled."""

    async def blocking(self, function: Callable[[], Result], interrupt: Callable[[], None]) -> Result:
        """Run a function that blocks.

        Args:
            interrupt: makes the function return early; called if the caller is cancelled.
        """


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine that never suspends, in this thread and without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        result: Result = ended.value
        return result
    coroutine.close()
    raise RuntimeError("A coroutine of the blocking client suspended.")


class Blocking:
    """The runtime of the blocking client."""

    def lock(self) -> AsyncContextManager[Any]:
        return _ThreadLock()

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def call(self, rpc: Any, request: Any, timeout: float) -> Any:
        return rpc(request, timeout=timeout)

    async def complete(self, steps: Coroutine[Any, Any, Result]) -> Result:
        return await steps

    async def blocking(self, function: Callable[[], Result], interrupt: Callable[[], None]) -> Result:
        return function()


class _ThreadLock:
    """A `threading.Lock` for `async with`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(self, *raised: object) -> None:
        self._lock.release()
