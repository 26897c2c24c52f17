"""A feed that resumes by itself where its stream was cut, without losing or repeating events.

It extends the server's promises about one stream (docs/integrate/streams.md) to the sequence of a feed's streams.
"""

from __future__ import annotations

import logging
import random
import threading
import time
import weakref
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic

from tandem.client.calls import authorization
from tandem.client.errors import (
    Cancelled,
    CursorExpired,
    CursorInvalid,
    DeadlineExceeded,
    EpochChanged,
    RateLimited,
    TandemError,
    Unauthenticated,
    Unavailable,
)
from tandem.client.feeds import Event, Feed, Key, MessageKind
from tandem.client.tokens import Credentials

logger = logging.getLogger(__name__)

#: How long versions of the initial state are remembered, since a stream may repeat changes made shortly before that.
_STATE_REMEMBERED_SECONDS = 60.0
#: If tokens are refused twice within this time after opening a stream, renewal is given up.
_REFUSED_AT_ONCE_SECONDS = 1.0


@dataclass(frozen=True)
class Resync:
    """The feed has a gap here: discard the copy.

    If the initial state was requested, it follows. If not, read the data again; only changes from now on follow.

    Attributes:
        reason: `CURSOR_EXPIRED`, `EPOCH_CHANGED` (another log, or the caller's permissions changed), `CURSOR_INVALID`
            (usually a cursor of another filter), or `CUT_WITHOUT_CURSOR` (the stream was cut before it had one).
    """

    reason: str


@dataclass(frozen=True)
class SnapshotEnd:
    """The initial state is complete: remove from a copy all that it did not contain. Live changes follow.

    Attributes:
        cursor: after which the live changes begin.
    """

    cursor: str


@dataclass(frozen=True)
class Patience:
    """Timeouts and reconnection delays of a feed.

    Attributes:
        silence_seconds: a stream without messages for this long is dead; the server sends one every 15 seconds.
        first_delay_seconds: maximum delay before the first attempt to resume; doubled with each further one.
        longest_delay_seconds: limit of the doubling. Each delay is random between 0 and its maximum ("full jitter").
    """

    silence_seconds: float = 45.0
    first_delay_seconds: float = 0.2
    longest_delay_seconds: float = 15.0


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
        cursor: str = "",
        include_initial: bool = False,
        patience: Patience = Patience(),
    ) -> None:
        self._feed: Feed[Event] = feed
        self._credentials = credentials
        self._cursor = cursor
        self._include_initial = include_initial
        self._patience = patience
        self._line = _Line(patience.silence_seconds)
        self._finalizer: Any = weakref.finalize(self, self._line.close)
        self._token: str | None = None
        self._opened_at = 0.0
        self._failures = 0
        self._refusals = 0
        #: Version of each subject of the initial state that has not changed since.
        self._known: dict[Key, int] = {}
        #: Subjects repeated by the next stream, if one was cut within its initial state; None = it was not.
        self._again: set[Key] | None = None
        self._state_ended_at = 0.0
        #: Whether the stream is within its initial state.
        self._in_state = False
        #: Events to return at the end of an initial state.
        self._ready: deque[Event | SnapshotEnd] = deque()

    @property
    def cursor(self) -> str:
        """The cursor to resume after the last returned event; empty until there is one.

        Store it once that event has been processed.
        """
        return self._cursor

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
        try:
            while not self._line.closed:
                event = self._ready_event() or self._step()
                if event is not None:
                    return event
        except TandemError:
            self.close()
            raise
        raise StopIteration

    def _ready_event(self) -> Event | SnapshotEnd | None:
        if not self._ready:
            return None
        event = self._ready.popleft()
        if isinstance(event, SnapshotEnd):
            self._cursor = event.cursor
        return event

    def _step(self) -> Event | Resync | SnapshotEnd | None:
        """Wait for one message, or the end of the stream. Returns None if the caller need not receive it."""
        try:
            if not self._line.is_open:
                self._open()
            message = self._line.next_message()
        except TandemError as error:
            if self._line.closed:
                return None
            self._line.hang_up()
            return self._cut(error)
        return self._received(message)

    def _open(self) -> None:
        initial = self._include_initial and not self._cursor
        if initial:
            self._again = set() if self._known else None
        self._in_state = initial
        self._token = self._credentials.current()
        self._opened_at = time.monotonic()
        metadata = [] if self._token is None else [authorization(self._token)]
        self._line.take(self._feed.stream(self._cursor, initial, metadata))

    def _received(self, message: Event) -> Event | SnapshotEnd | None:
        kind, cursor = self._feed.kind(message), message.cursor
        if kind is MessageKind.SNAPSHOT_END or (kind is MessageKind.BOOKMARK and self._in_state):
            return self._end_state(cursor)
        if kind is MessageKind.END:
            self._cursor = cursor
            self.close()
            return message
        if kind is MessageKind.BOOKMARK:
            self._cursor = cursor
            if self._known and time.monotonic() - self._state_ended_at > _STATE_REMEMBERED_SECONDS:
                self._known.clear()
            return None
        is_new = self._is_new(message, live=bool(cursor))
        self._cursor = cursor
        return message if is_new else None

    def _is_new(self, message: Event, *, live: bool) -> bool:
        key, version = self._feed.subject(message)
        held = self._known.get(key)
        if not live:
            if self._again is not None:
                self._again.add(key)
            self._known[key] = version
            return held is None or version > held
        if held is None:
            return True
        # A subject that leaves the view with its project is not changed by that, so it has the version of before.
        is_repeated = version <= held and not (version == held and getattr(message, "left_view", False))
        # Some deletions have no version.
        if version and is_repeated:
            return False
        del self._known[key]
        return True

    def _end_state(self, cursor: str) -> Event | SnapshotEnd | None:
        """End the initial state. Subjects returned before a cut and not repeated by the new stream were removed."""
        self._state_ended_at = time.monotonic()
        self._in_state = False
        gone = [] if self._again is None else [key for key in self._known if key not in self._again]
        self._again = None
        for key in gone:
            self._ready.append(self._feed.gone(key, self._known.pop(key)))
        self._ready.append(SnapshotEnd(cursor))
        return self._ready_event()

    def _cut(self, error: TandemError) -> Resync | None:
        """Handle the end of a stream, and wait until the next one may be opened. Returns a Resync if there is a gap.

        Raises:
            TandemError: the error is not temporary.
        """
        if isinstance(error, (CursorExpired, CursorInvalid, EpochChanged)):
            return self._resync(error.reason)
        if isinstance(error, Unauthenticated):
            self._sign_in_again(error)
        elif _passes(error):
            self._wait(error)
        else:
            raise error
        if not self._cursor and not self._include_initial and not self._line.closed:
            return self._resync("CUT_WITHOUT_CURSOR")
        return None

    def _resync(self, reason: str) -> Resync:
        logger.warning("The feed starts over: %s.", reason)
        self._cursor = ""
        self._known.clear()
        self._again = None
        return Resync(reason)

    def _sign_in_again(self, error: Unauthenticated) -> None:
        at_once = time.monotonic() - self._opened_at < _REFUSED_AT_ONCE_SECONDS
        self._refusals = self._refusals + 1 if at_once else 0
        try:
            renewed = self._refusals < 2 and self._credentials.renew(self._token)
        except (Unavailable, DeadlineExceeded) as away:
            self._wait(away)
            return
        if not renewed:
            raise error

    def _wait(self, error: TandemError) -> None:
        patience = self._patience
        if time.monotonic() - self._opened_at > patience.longest_delay_seconds:
            self._failures = 0
        limit = min(patience.longest_delay_seconds, patience.first_delay_seconds * 2.0 ** min(self._failures, 20))
        self._failures += 1
        delay = max(random.uniform(0, limit), error.retry_after or 0)  # noqa: S311
        logger.info("The stream was cut (%s); resuming in %.1f s.", error, delay)
        self._line.wait(delay)


def _passes(error: TandemError) -> bool:
    """Return whether an error is temporary, so that another stream may succeed."""
    if isinstance(error, (Unavailable, DeadlineExceeded, Cancelled, RateLimited)):
        return True
    # gRPC reports some broken connections with these general codes.
    return not error.from_server and error.reason in ("INTERNAL", "UNKNOWN")


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

    def next_message(self) -> Any:
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

    def wait(self, seconds: float) -> None:
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
