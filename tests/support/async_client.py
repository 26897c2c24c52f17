"""The asyncio client behind the names of the blocking one, so that a test runs over both.

An event loop in a thread of its own runs the calls, of any number of test threads at once.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from typing import Any

from tandem.client import AsyncClient


class BlockingAsyncClient:
    """Has the attributes of `Client`, with the same behaviour."""

    def __init__(self, address: str, **arguments: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._errors: list[dict[str, Any]] = []
        self._loop.set_exception_handler(self._note)
        try:
            self._client: AsyncClient = self._wait(self._make(address, arguments))
        except BaseException:
            self._stop()
            raise
        self.circuit = self._client.circuit
        for name in ("users", "projects", "tasks", "meetings", "drawings", "changes", "auth"):
            setattr(self, name, _Stub(self, getattr(self._client, name)))

    def watch_tasks(self, **arguments: Any) -> Any:
        return _Watch(self, self._call(lambda: self._client.watch_tasks(**arguments)))

    def watch_changes(self, **arguments: Any) -> Any:
        return _Watch(self, self._call(lambda: self._client.watch_changes(**arguments)))

    def watch_meeting(self, *names: Any, **arguments: Any) -> Any:
        return _Watch(self, self._call(lambda: self._client.watch_meeting(*names, **arguments)))

    def watch_document(self, *names: Any, **arguments: Any) -> Any:
        return _Watch(self, self._call(lambda: self._client.watch_document(*names, **arguments)))

    def pages(self, rpc: Any, request: Any) -> Iterator[Any]:
        return _iterate(self, self._client.pages(rpc.rpc, request))

    def upload_document(self, *arguments: Any, **options: Any) -> Any:
        return self._wait(self._client.upload_document(*arguments, **options))

    def upload_recording(self, *arguments: Any, **options: Any) -> Any:
        return self._wait(self._client.upload_recording(*arguments, **options))

    def connect(self) -> None:
        """Wait until the channel is connected."""
        self._wait(self._client.channel.channel_ready())

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._wait(self._client.close())
        self._stop()
        assert not self._errors, f"errors of tasks were not received: {self._errors}"

    def __enter__(self) -> "BlockingAsyncClient":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # grpcio wakes all loops of a process for an event, of which one finds it, and also those that have
        # been closed (grpc/grpc issue 25364). Nothing is lost by that.
        if "PollerCompletionQueue" not in context["message"]:
            self._errors.append(context)

    async def _make(self, address: str, arguments: dict[str, Any]) -> AsyncClient:
        return AsyncClient(address, **arguments)

    def _call(self, function: Callable[[], Any]) -> Any:
        async def call() -> Any:
            return function()

        return self._wait(call())

    def _submit(self, coroutine: Coroutine[Any, Any, Any]) -> "Future[Any]":
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._submit(coroutine).result(60)

    def _stop(self) -> None:
        left = self._wait(_tasks_left())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        assert not left, "tasks outlive the client"


async def _tasks_left() -> set[Any]:
    """Return the tasks that do not end at once."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if not others:
        return set()
    return (await asyncio.wait(others, timeout=5))[1]


class _Stub:
    def __init__(self, client: BlockingAsyncClient, stub: Any) -> None:
        self._client, self._stub = client, stub

    def __getattr__(self, name: str) -> "_Rpc":
        return _Rpc(self._client, getattr(self._stub, name))


class _Rpc:
    def __init__(self, client: BlockingAsyncClient, rpc: Any) -> None:
        self._client, self.rpc = client, rpc

    def __call__(self, request: Any, **arguments: Any) -> Any:
        async def begin() -> Any:
            call = self.rpc(request, **arguments)
            return (call, None) if hasattr(call, "__aiter__") else (None, await call)

        stream, response = self._client._wait(begin())  # noqa: SLF001 (one thing in three classes)
        return response if stream is None else _iterate(self._client, stream)


def _iterate(client: BlockingAsyncClient, answers: AsyncIterator[Any]) -> Iterator[Any]:
    iterator = answers.__aiter__()

    async def step() -> tuple[bool, Any]:
        try:
            return True, await iterator.__anext__()
        except StopAsyncIteration:
            return False, None

    while True:
        there, message = client._wait(step())  # noqa: SLF001
        if not there:
            return
        yield message


class _Watch:
    def __init__(self, client: BlockingAsyncClient, watch: Any) -> None:
        self._client, self._watch = client, watch

    @property
    def cursor(self) -> str:
        cursor: str = self._watch.cursor
        return cursor

    def close(self) -> None:
        self._client._wait(self._watch.close())  # noqa: SLF001

    def __enter__(self) -> "_Watch":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __iter__(self) -> "_Watch":
        return self

    def __next__(self) -> Any:
        async def step() -> Any:
            try:
                return await self._watch.__anext__()
            except StopAsyncIteration:
                return None

        event = self._client._wait(step())  # noqa: SLF001
        if event is None:
            raise StopIteration
        return event
