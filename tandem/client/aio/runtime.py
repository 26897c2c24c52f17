"""The runtime of the asyncio client."""

from __future__ import annotations

import asyncio
from typing import Any, AsyncContextManager, Callable, Coroutine, TypeVar

Result = TypeVar("Result")


class Asyncio:
    """Waits in the event loop of the client."""

    def __init__(self) -> None:
        # The loop itself refers to tasks weakly.
        self._tasks: set[asyncio.Task[Any]] = set()

    def lock(self) -> AsyncContextManager[Any]:
        return asyncio.Lock()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def call(self, rpc: Any, request: Any, timeout: float) -> Any:
        return await rpc(request, timeout=timeout)

    async def complete(self, steps: Coroutine[Any, Any, Result]) -> Result:
        task = asyncio.ensure_future(steps)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def blocking(self, function: Callable[[], Result], interrupt: Callable[[], None]) -> Result:
        future = asyncio.get_running_loop().run_in_executor(None, function)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            interrupt()
            await asyncio.wait([future])
            if not future.cancelled():
                # Its error is that of the interruption.
                future.exception()
            raise

    def stop(self) -> None:
        """Cancel the steps that have not completed."""
        for task in list(self._tasks):
            task.cancel()
