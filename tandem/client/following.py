"""The steps of a feed that resumes by itself where its stream was cut, without losing or repeating events.

It extends the server's promises about one stream (docs/integrate/streams.md) to the sequence of a feed's streams.
"""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Generic, Protocol

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

logger = logging.getLogger("tandem.client.watching")

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


class Line(Protocol):
    """The current stream of a watch, or none."""

    @property
    def closed(self) -> bool:
        """Return whether the watch has ended."""

    @property
    def is_open(self) -> bool:
        """Return whether there is a stream."""

    def take(self, call: Any) -> None:
        """Make this call the stream."""

    async def next_message(self) -> Any:
        """Wait for the next message.

        Raises:
            TandemError: the stream has ended; Cancelled if it was silent for too long.
        """

    def hang_up(self) -> None:
        """Cancel the stream; another may follow."""

    async def wait(self, seconds: float) -> None:
        """Wait, but return early if the line is closed."""

    def close(self) -> None:
        """End the watch, while it waits, too. Idempotent."""


class Following(Generic[Event]):
    """The state of a feed, and the steps to its next event.

    Args:
        cursor: resumes after it; empty = from now on, or with the initial state.
        include_initial: without a cursor, and after a Resync, begins with the current state.
    """

    def __init__(
        self,
        feed: Feed[Event],
        credentials: Credentials,
        line: Line,
        *,
        cursor: str,
        include_initial: bool,
        patience: Patience,
    ) -> None:
        self.cursor = cursor
        self._feed: Feed[Event] = feed
        self._credentials = credentials
        self._line = line
        self._include_initial = include_initial
        self._patience = patience
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
        #: Whether the stream was cut where it could not be resumed, which the next event reports.
        self._has_gap = False

    async def next_event(self) -> Event | Resync | SnapshotEnd | None:
        """Wait for the next event; None = the feed has ended.

        Raises:
            TandemError: a retry does not resolve it: Invalid, Unauthenticated, Forbidden, ...
        """
        try:
            while not self._line.closed:
                event = self._gap() or self._ready_event() or await self._step()
                if event is not None:
                    return event
        except TandemError:
            self._line.close()
            raise
        return None

    def _gap(self) -> Resync | None:
        if not self._has_gap:
            return None
        self._has_gap = False
        return self._resync("CUT_WITHOUT_CURSOR")

    def _ready_event(self) -> Event | SnapshotEnd | None:
        if not self._ready:
            return None
        event = self._ready.popleft()
        if isinstance(event, SnapshotEnd):
            self.cursor = event.cursor
        return event

    async def _step(self) -> Event | Resync | SnapshotEnd | None:
        """Wait for one message, or the end of the stream. Returns None if the caller need not receive it."""
        try:
            if not self._line.is_open:
                await self._open()
            message = await self._line.next_message()
        except TandemError as error:
            if self._line.closed:
                return None
            self._line.hang_up()
            return await self._cut(error)
        return self._received(message)

    async def _open(self) -> None:
        initial = self._include_initial and not self.cursor
        if initial:
            self._again = set() if self._known else None
        self._in_state = initial
        self._token = await self._credentials.current()
        self._opened_at = time.monotonic()
        metadata = [] if self._token is None else [authorization(self._token)]
        self._line.take(self._feed.stream(self.cursor, initial, metadata))

    def _received(self, message: Event) -> Event | SnapshotEnd | None:
        kind, cursor = self._feed.kind(message), message.cursor
        if kind is MessageKind.SNAPSHOT_END or (kind is MessageKind.BOOKMARK and self._in_state):
            return self._end_state(cursor)
        if kind is MessageKind.END:
            self.cursor = cursor
            self._line.close()
            return message
        if kind is MessageKind.BOOKMARK:
            self.cursor = cursor
            if self._known and time.monotonic() - self._state_ended_at > _STATE_REMEMBERED_SECONDS:
                self._known.clear()
            return None
        is_new = self._is_new(message, live=bool(cursor))
        self.cursor = cursor
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

    async def _cut(self, error: TandemError) -> Resync | None:
        """Handle the end of a stream, and wait until the next one may be opened. Returns a Resync if there is a gap.

        Raises:
            TandemError: the error is not temporary.
        """
        if isinstance(error, (CursorExpired, CursorInvalid, EpochChanged)):
            return self._resync(error.reason)
        # Kept before the first wait, which a caller may cancel, to call again later.
        self._has_gap = not self.cursor and not self._include_initial
        if isinstance(error, Unauthenticated):
            await self._sign_in_again(error)
        elif _passes(error):
            await self._wait(error)
        else:
            raise error
        return None

    def _resync(self, reason: str) -> Resync:
        logger.warning("The feed starts over: %s.", reason)
        self.cursor = ""
        self._known.clear()
        self._again = None
        return Resync(reason)

    async def _sign_in_again(self, error: Unauthenticated) -> None:
        at_once = time.monotonic() - self._opened_at < _REFUSED_AT_ONCE_SECONDS
        self._refusals = self._refusals + 1 if at_once else 0
        try:
            renewed = self._refusals < 2 and await self._credentials.renew(self._token)
        except (Unavailable, DeadlineExceeded) as away:
            await self._wait(away)
            return
        if not renewed:
            raise error

    async def _wait(self, error: TandemError) -> None:
        patience = self._patience
        if time.monotonic() - self._opened_at > patience.longest_delay_seconds:
            self._failures = 0
        limit = min(patience.longest_delay_seconds, patience.first_delay_seconds * 2.0 ** min(self._failures, 20))
        self._failures += 1
        delay = max(random.uniform(0, limit), error.retry_after or 0)  # noqa: S311
        logger.info("The stream was cut (%s); resuming in %.1f s.", error, delay)
        await self._line.wait(delay)


def _passes(error: TandemError) -> bool:
    """Return whether an error is temporary, so that another stream may succeed."""
    if isinstance(error, (Unavailable, DeadlineExceeded, Cancelled, RateLimited)):
        return True
    # gRPC reports some broken connections with these general codes.
    return not error.from_server and error.reason in ("INTERNAL", "UNKNOWN")
