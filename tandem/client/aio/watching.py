"""Feeds of the asyncio client."""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic

import grpc
from grpc import aio

from tandem.client.calls import Calls
from tandem.client.errors import Cancelled, Unavailable
from tandem.client.feeds import Event, Feed
from tandem.client.following import Following, Patience, Resync, SnapshotEnd
from tandem.client.tokens import Credentials

logger = logging.getLogger("tandem.client.watching")


class AsyncWatch(Generic[Event]):
    """An asynchronous iterator over events, Resync and SnapshotEnd; otherwise as `Watch`.

    Iterate in one task. Cancelling a step of the iteration (`asyncio.wait_for`) loses nothing: the next step continues,
    on the same stream. `async with`, `close` and the end of the client close the stream.

    Raises:
        TandemError: while iterating, an error that a retry does not resolve: Invalid, Unauthenticated, Forbidden, ...
    """

    def __init__(
        self,
        feed: Feed[Event],
        credentials: Credentials,
        calls: Calls,
        *,
        cursor: str,
        include_initial: bool,
        patience: Patience,
    ) -> None:
        line = _Line(calls, patience.silence_seconds)
        self._line = line
        self._following: Following[Event] = Following(
            feed, credentials, line, cursor=cursor, include_initial=include_initial, patience=patience
        )
        # A finalizer may run in another thread.
        weakref.finalize(self, line.close_from_any_thread)

    @property
    def cursor(self) -> str:
        """The cursor to resume after the last returned event; empty until there is one.

        Store it once that event has been processed.
        """
        return self._following.cursor

    async def close(self) -> None:
        """End the iteration, even while it waits in another task. Idempotent."""
        self._line.close()

    async def __aenter__(self) -> AsyncWatch[Event]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close()

    def __aiter__(self) -> AsyncWatch[Event]:
        return self

    async def __anext__(self) -> Event | Resync | SnapshotEnd:
        event = await self._following.next_event()
        if event is None:
            raise StopAsyncIteration
        return event


class _Line:
    """The current stream of a watch, and the task that reads its next message.

    The task outlives the step of the iteration that began it, because grpcio ends a stream whose reader is cancelled.
    """

    def __init__(self, calls: Calls, silence_seconds: float) -> None:
        self._calls = calls
        self._silence_seconds = silence_seconds
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()
        self._call: Any = None
        self._reading: asyncio.Task[Any] | None = None
        self._reading_since = 0.0

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    @property
    def is_open(self) -> bool:
        return self._call is not None

    def take(self, call: Any) -> None:
        self._call = call
        if self.closed:
            call.cancel()

    async def next_message(self) -> Any:
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._call.read())
            self._reading_since = time.monotonic()
            self._reading.add_done_callback(_mark_retrieved)
        reading = self._reading
        left = self._reading_since + self._silence_seconds - time.monotonic()
        await asyncio.wait([reading], timeout=max(left, 0))
        if not reading.done():
            logger.warning("The stream was silent for %.0f s.", self._silence_seconds)
            raise Cancelled("The stream was silent.")
        self._reading = None
        if reading.cancelled():
            raise Cancelled("The stream was closed.")
        try:
            message = reading.result()
        except grpc.RpcError as raised:
            raise self._calls.failure(raised) from raised
        if message is aio.EOF:  # type: ignore[attr-defined]
            raise Unavailable("The server ended the stream.")
        self._calls.succeeded()
        return message

    def hang_up(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    async def wait(self, seconds: float) -> None:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._closed.wait(), seconds)

    def close(self) -> None:
        self._closed.set()
        # The call stays, for a step of the iteration that is about to read it.
        if self._reading is not None:
            self._reading.cancel()
        if self._call is not None:
            self._call.cancel()

    def close_from_any_thread(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.close)


def _mark_retrieved(reading: asyncio.Task[Any]) -> None:
    """Keep asyncio from logging the error of a read that the watch no longer waits for."""
    if not reading.cancelled():
        reading.exception()
