"""Feeds of the blocking client."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from types import TracebackType
from typing import Any, Generic

from tandem.client.errors import Unavailable
from tandem.client.feeds import Event, Feed
from tandem.client.following import Following, Patience, Resync, SnapshotEnd
from tandem.client.runtime import run
from tandem.client.tokens import Credentials

logger = logging.getLogger(__name__)


class Watch(Generic[Event]):
    """An iterator over events, Resync and SnapshotEnd. It ends when it is closed or after the last event of a feed, and
    raises errors that are not temporary.

    Iterate in one thread; `close` and `cursor` may be used from any.

    Args:
        cursor: resumes after it; empty = from now on, or with the initial state.
        include_initial: without a cursor, and after a Resync, begins with the current state.

    Raises:
        TandemError: while iterating, an error that a retry does not resolve: Invalid, Unauthenticated, Forbidden, ...
    """

    def __init__(
        self,
        feed: Feed[Event],
        credentials: Credentials,
        *,
        cursor: str,
        include_initial: bool,
        patience: Patience,
    ) -> None:
        line = _Line(patience.silence_seconds)
        self._following: Following[Event] = Following(
            feed, credentials, line, cursor=cursor, include_initial=include_initial, patience=patience
        )
        self._finalizer: Any = weakref.finalize(self, line.close)

    @property
    def cursor(self) -> str:
        """The cursor to resume after the last returned event; empty until there is one.

        Store it once that event has been processed.
        """
        return self._following.cursor

    def close(self) -> None:
        """End the iteration, even while it blocks in another thread. Idempotent."""
        self._finalizer()

    def __enter__(self) -> Watch[Event]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Watch[Event]:
        return self

    def __next__(self) -> Event | Resync | SnapshotEnd:
        event = run(self._following.next_event())
        if event is None:
            raise StopIteration
        return event


class _Line:
    """The current stream of a watch, and the thread that cancels it after a silence.

    It has no reference to its watch, so that an unreferenced watch is garbage-collected, which closes the line.
    """

    def __init__(self, silence_seconds: float) -> None:
        self._silence_seconds = silence_seconds
        self._closed = threading.Event()
        self._call: Any = None
        #: The call that is being read, and since when; None = the caller is not reading, so silence has no meaning.
        self._listening: tuple[Any, float] | None = None
        self._listener: threading.Thread | None = None

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    @property
    def is_open(self) -> bool:
        return self._call is not None

    def take(self, call: Any) -> None:
        self._call = call
        if self._listener is None:
            self._listener = threading.Thread(target=self._listen, name="tandem-watch", daemon=True)
            self._listener.start()
        if self.closed:
            call.cancel()

    async def next_message(self) -> Any:
        """Wait for the next message.

        Raises:
            TandemError: the stream has ended; Cancelled if it was silent for too long.
        """
        self._listening = (self._call, time.monotonic())
        try:
            return next(self._call)
        except StopIteration:
            raise Unavailable("The server ended the stream.") from None
        finally:
            self._listening = None

    def hang_up(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    async def wait(self, seconds: float) -> None:
        """Sleep, but return early if the line is closed."""
        self._closed.wait(seconds)

    def close(self) -> None:
        self._closed.set()
        call = self._call
        if call is not None:
            call.cancel()

    def _listen(self) -> None:
        due = self._silence_seconds
        while not self._closed.wait(due):
            due = self._silence_seconds
            listening = self._listening
            if listening is None:
                continue
            call, since = listening
            due = since + self._silence_seconds - time.monotonic()
            if due <= 0:
                logger.warning("The stream was silent for %.0f s.", self._silence_seconds)
                call.cancel()
                due = self._silence_seconds
