"""A feed that goes on by itself: opened again where it was cut, nothing lost, nothing given twice.

What the server promises of a stream (docs/integrate/streams.md) this makes true of all of a feed's streams together.
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
from tandem.client.feeds import Event, Feed, Key, Kind
from tandem.client.tokens import Credentials

logger = logging.getLogger(__name__)

#: A stream goes on after its initial state with changes that this state may hold already: those of about its moment.
_STATE_REMEMBERED_SECONDS = 60.0
#: A token that is refused twice within it is no good, however often it is renewed.
_REFUSED_AT_ONCE_SECONDS = 1.0


@dataclass(frozen=True)
class Resync:
    """What follows does not join what came before: drop the copy.

    If the initial state was asked for, it follows. If not, read what you need again; changes from now on follow.

    Attributes:
        reason: `CURSOR_EXPIRED`, `EPOCH_CHANGED` (another log, or the caller's rights are others), `CURSOR_INVALID`
            (above all: a cursor of another filter), or `CUT_WITHOUT_CURSOR` (the stream was cut before it had one).
    """

    reason: str


@dataclass(frozen=True)
class SnapshotEnd:
    """The initial state is complete: what a copy holds and it did not is gone. What follows is live.

    Attributes:
        cursor: where the live changes begin.
    """

    cursor: str


@dataclass(frozen=True)
class Patience:
    """How long a feed waits.

    Attributes:
        silence_seconds: a stream that says nothing for so long is dead; the server says something every 15 seconds.
        first_delay_seconds: at most so long before the first try to go on; doubled with each further one.
        longest_delay_seconds: but never longer. Each wait is random between nothing and this ("full jitter").
    """

    silence_seconds: float = 45.0
    first_delay_seconds: float = 0.2
    longest_delay_seconds: float = 15.0


class Watch(Generic[Event]):
    """An iterator over events, Resync and SnapshotEnd; ends when it is closed or after the event by which a feed says
    that it is over, or raises what cannot be waited out.

    Iterate in one thread; `close` and `cursor` may be used from any.

    Args:
        cursor: goes on after it; empty = from now on, or with the initial state.
        include_initial: without a cursor, and after a Resync, begins with what there is.

    Raises:
        TandemError: while iterating, what repeating does not mend: Invalid, Unauthenticated, Forbidden, ...
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
        #: Those that came again after a stream was cut inside its initial state; None = it is the first.
        self._again: set[Key] | None = None
        self._state_ended_at = 0.0
        #: Whether the stream is inside its initial state.
        self._in_state = False
        #: What the end of an initial state leaves to tell.
        self._ready: deque[Event | SnapshotEnd] = deque()

    @property
    def cursor(self) -> str:
        """Where to go on after the last event that was given; empty until there is such a place.

        Keep it once that event has been dealt with.
        """
        return self._cursor

    def close(self) -> None:
        """Ends the iteration, also one that waits in another thread. May be called more than once."""
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
                told = self._ready_event() or self._step()
                if told is not None:
                    return told
        except TandemError:
            self.close()
            raise
        raise StopIteration

    def _ready_event(self) -> Event | SnapshotEnd | None:
        if not self._ready:
            return None
        told = self._ready.popleft()
        if isinstance(told, SnapshotEnd):
            self._cursor = told.cursor
        return told

    def _step(self) -> Event | Resync | SnapshotEnd | None:
        """Waits for one message; None if it, or the end of the stream, is nothing to tell."""
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
        if kind is Kind.SNAPSHOT_END or (kind is Kind.BOOKMARK and self._in_state):
            return self._end_state(cursor)
        if kind is Kind.END:
            self._cursor = cursor
            self.close()
            return message
        if kind is Kind.BOOKMARK:
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
        # Some deletions come without a version.
        if version and version <= held:
            return False
        del self._known[key]
        return True

    def _end_state(self, cursor: str) -> Event | SnapshotEnd | None:
        """What was given from a stream that was cut, and did not come again, is gone meanwhile."""
        self._state_ended_at = time.monotonic()
        self._in_state = False
        gone = [] if self._again is None else [key for key in self._known if key not in self._again]
        self._again = None
        for key in gone:
            self._ready.append(self._feed.gone(key, self._known.pop(key)))
        self._ready.append(SnapshotEnd(cursor))
        return self._ready_event()

    def _cut(self, error: TandemError) -> Resync | None:
        """What to tell, if anything, before the next stream; waits for as long as is due before it.

        Raises:
            TandemError: there will be no next stream.
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
        logger.info("The stream was cut (%s); it goes on in %.1f s.", error, delay)
        self._line.wait(delay)


def _passes(error: TandemError) -> bool:
    """Whether another stream may fare better."""
    if isinstance(error, (Unavailable, DeadlineExceeded, Cancelled, RateLimited)):
        return True
    # A connection can break in ways that gRPC has no code of its own for.
    return not error.from_server and error.reason in ("INTERNAL", "UNKNOWN")


class _Line:
    """The one stream that a watch has at a time, and the thread that hangs up when it has gone silent.

    It knows nothing of its watch, so that a watch which nobody holds any more is collected, and closes it.
    """

    def __init__(self, silence_seconds: float) -> None:
        self._silence_seconds = silence_seconds
        self._closed = threading.Event()
        self._call: Any = None
        #: Which call is listened to, and since when; None = nobody listens, so silence means nothing.
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
        """Waits for it.

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
        """Less, if it is closed meanwhile."""
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
