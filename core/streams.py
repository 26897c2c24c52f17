"""The open streams of this process on both transports: their limits, their end, and their callers' permissions.

One thread checks all of them twice a second: a stream whose credential has expired or was revoked ends within a second,
and the others get the current roles of their caller. It queries the database once for all, and only while there are
streams.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from django.conf import settings
from django.db import Error, connections
from prometheus_client import Gauge

from core import auth
from core.actors import Actor
from core.auth import Credential
from core.db.outages import is_database_away
from core.db.thread_connections import fresh_connections
from core.errors import Failure, RateLimited, Unauthenticated, Unavailable
from core.execution import principal
from core.feeds import Feed
from core.operations import Call

logger = logging.getLogger(__name__)

Item = TypeVar("Item")

CHECK_INTERVAL_SECONDS = 0.4
#: How long the client of a stream that has ended may take to read it; then its call is cut.
LAST_CHANCE_SECONDS = 5
#: Streams that are checked without a pause; in the pause, calls that wait for the interpreter run.
_BATCH_SIZE, _PAUSE_SECONDS = 500, 0.001
_MAX_DURATION = "This stream has reached its maximum duration; resume it from its last cursor."


class Stream:
    """One open stream of events.

    Args:
        call: the call that opened it.
        feed: the source of its events.
        max_seconds: how long it may last; None = without limit.
        at_end: the failure with which it ends then; None = its client is to resume it from its last cursor.
    """

    __slots__ = ("at_end", "call", "ends_at", "feed", "owner")

    def __init__(self, call: Call, feed: Feed, max_seconds: float | None, at_end: Failure | None = None) -> None:
        self.call = call
        self.feed = feed
        self.owner = _owner(call)
        self.ends_at = None if max_seconds is None else time.monotonic() + max_seconds
        self.at_end = at_end

    def look(self, credential: Credential | None, now: float) -> None:
        """End the stream if its credential is no longer valid or its time is over; else update its credential.

        Args:
            credential: the present state of the stream's credential; None = no longer valid.
        """
        if credential is None:
            self.feed.end(_credential_gone())
        elif self.ends_at is not None and now >= self.ends_at:
            self.feed.end(self.at_end or Unavailable(_MAX_DURATION))
        elif credential is not self.call.credential:
            self.call.credential = credential
            self.feed.authorize(credential.actor)


class Open(Protocol):
    """Opens a stream in its place; the arguments are those of `Stream`."""

    def __call__(self, feed: Feed, max_seconds: float | None, at_end: Failure | None = None) -> Stream: ...


class RequestStream:
    """One open stream of requests, which checks its credential itself with each message.

    Args:
        call: the call that opened it.
        end: makes the thread that serves the stream raise this failure at its current or next wait for a message. It
            is called again while the stream stays open.
    """

    __slots__ = ("call", "end")

    def __init__(self, call: Call, end: Callable[[Failure], None]) -> None:
        self.call = call
        self.end = end

    def look(self, credential: Credential | None, now: float) -> None:
        """End the stream if it was opened with a credential that is no longer valid (None)."""
        if credential is None and self.call.actor.is_authenticated:
            failure = _credential_gone()
            failure.token_refused = (self.call.credential.session_id or self.call.credential.key_id) is not None
            self.end(failure)


class Streams:
    """The open streams of a process, within their limits."""

    def __init__(self) -> None:
        self._open: set[Stream] = set()
        self._requests: set[RequestStream] = set()
        self._places: Counter[str] = Counter()
        self._taken = 0
        # Reentrant: the collector may close a stream of requests while its thread holds the lock.
        self._lock = threading.RLock()
        self._ending: Unavailable | None = None
        self._looks: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._open)

    @property
    def open_requests(self) -> int:
        """The number of open streams of requests."""
        return len(self._requests)

    @contextmanager
    def place(self, call: Call) -> Iterator["Open"]:
        """Reserve a place for one more stream of this caller, before its feed uses resources.

        Yields:
            A function that opens the stream with its feed; if it is not called, the place is released.

        Raises:
            RateLimited: the caller, or the process, has reached its limit of open streams.
            Unavailable: the process is draining.
        """
        owner, opened = _owner(call), False
        self._take(owner)

        def open_with(feed: Feed, max_seconds: float | None, at_end: Failure | None = None) -> Stream:
            nonlocal opened
            stream, opened = Stream(call, feed, max_seconds, at_end), True
            with self._lock:
                self._open.add(stream)
                ending = self._ending
                self._start_looking()
            if ending is not None:
                feed.end(ending)
            return stream

        try:
            yield open_with
        finally:
            if not opened:
                self._release(owner)

    def close(self, stream: Stream) -> None:
        """Close the stream. Idempotent."""
        with self._lock:
            if stream not in self._open:
                return
            self._open.discard(stream)
        self._release(stream.owner)
        stream.feed.close()

    @contextmanager
    def requests_of(self, call: Call, end: Callable[[Failure], None]) -> Iterator[None]:
        """End a stream of requests with its credential, or with the process, though its client sends nothing.

        Args:
            end: see `RequestStream`.

        Raises:
            Unavailable: the process is ending.
        """
        stream = RequestStream(call, end)
        with self._lock:
            self.check_going_on()
            self._requests.add(stream)
            self._start_looking()
        try:
            yield
        finally:
            with self._lock:
                self._requests.discard(stream)

    def end_all(self, failure: Unavailable) -> None:
        """End all streams, and those opened later, with this failure."""
        with self._lock:
            self._ending = failure
            streams, requests = list(self._open), list(self._requests)
        for stream in streams:
            stream.feed.end(failure)
        for sending in requests:
            sending.end(Unavailable(failure.message))

    def accept(self) -> None:
        """Accept streams again after `end_all`."""
        self._ending = None

    def check_going_on(self) -> None:
        """Raise `Unavailable` if the process is draining."""
        if self._ending is not None:
            # A new exception each time: a caller may add to its metadata.
            raise Unavailable(self._ending.message)

    def _take(self, owner: str) -> None:
        with self._lock:
            self.check_going_on()
            if self._taken >= settings.MAX_STREAMS:
                raise RateLimited("The server has reached its limit of open streams; try again later.", 10)
            if self._places[owner] >= settings.MAX_STREAMS_PER_CALLER:
                raise RateLimited("You have reached the limit of open streams; close some first.", 10)
            self._places[owner] += 1
            self._taken += 1

    def _release(self, owner: str) -> None:
        with self._lock:
            self._taken -= 1
            self._places[owner] -= 1
            if not self._places[owner]:
                del self._places[owner]

    def _start_looking(self) -> None:
        if self._looks is None or not self._looks.is_alive():
            self._looks = threading.Thread(target=self._look, name="streams", daemon=True)
            self._looks.start()

    def _look(self) -> None:
        while True:
            time.sleep(CHECK_INTERVAL_SECONDS)
            with self._lock:
                streams: list[Stream | RequestStream] = [*self._open, *self._requests]
                if not streams:
                    self._looks = None
                    connections.close_all()
                    return
            # Streams of one session share the credential of the last check; hashing each would be the largest cost.
            # A stream of requests may replace its own before the answer is there, so what was checked is kept.
            checked = [(stream, stream.call.credential) for stream in _in_turns(streams)]
            known = {id(credential): credential for _, credential in checked}
            try:
                with fresh_connections():
                    renewed = _renew(set(known.values()))
            except Error as exc:
                # Without the database the feeds have no new events either, so the streams may stay open.
                if not is_database_away(exc):
                    logger.exception("The credentials of open streams could not be checked.")
                continue
            fresh = {identity: renewed.get(credential) for identity, credential in known.items()}
            now = time.monotonic()
            for stream, credential in _in_turns(checked):
                stream.look(fresh[id(credential)], now)


def _credential_gone() -> Unauthenticated:
    return Unauthenticated("The credential of this stream has expired or was revoked; sign in again.")


def _in_turns(streams: Sequence[Item]) -> Iterator[Item]:
    """Yield the streams, with pauses: checking 10,000 without a pause would delay every call by some 10 ms."""
    for first in range(0, len(streams), _BATCH_SIZE):
        if first:
            time.sleep(_PAUSE_SECONDS)
        yield from streams[first : first + _BATCH_SIZE]


def _renew(credentials: Collection[Credential]) -> dict[Credential, Credential]:
    """Return the current credentials; an unchanged one is the same object, so that its streams need no update."""
    return {
        known: known if _attributes(known.actor) == _attributes(now.actor) else now
        for known, now in auth.renew(credentials).items()
    }


def _attributes(actor: Actor) -> dict[str, Any]:
    return {name: value for name, value in vars(actor).items() if name != "_state"}


def _owner(call: Call) -> str:
    return principal(call)


#: The streams of this process.
STREAMS = Streams()

_open = Gauge("tandem_open_streams", "Streams that are open in this process, by what they carry.", ["kind"])
_open.labels("events").set_function(lambda: len(STREAMS))
_open.labels("requests").set_function(lambda: STREAMS.open_requests)
