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
from typing import Any

from django.conf import settings
from django.db import Error, connections

from core import auth
from core.auth import Credential
from core.db.thread_connections import fresh_connections
from core.errors import RateLimited, Unauthenticated, Unavailable, is_database_away
from core.feeds import Feed
from core.operations import Call, principal

logger = logging.getLogger(__name__)

CHECK_INTERVAL_SECONDS = 0.4
#: Streams that are checked without a pause; in the pause, calls that wait for the interpreter run.
_BATCH_SIZE, _PAUSE_SECONDS = 500, 0.001


class Stream:
    """One open stream of events.

    Args:
        call: that opened it.
        feed: of its events.
        max_seconds: after which it ends, so that its client reconnects; None = never.
    """

    __slots__ = ("call", "ends_at", "feed", "owner")

    def __init__(self, call: Call, feed: Feed, max_seconds: float | None) -> None:
        self.call = call
        self.feed = feed
        self.owner = _owner(call)
        self.ends_at = None if max_seconds is None else time.monotonic() + max_seconds


class Streams:
    """The open streams of a process, within their limits."""

    def __init__(self) -> None:
        self._open: set[Stream] = set()
        self._places: Counter[str] = Counter()
        self._taken = 0
        self._lock = threading.Lock()
        self._ending: Unavailable | None = None
        self._looks: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def place(self, call: Call) -> Iterator[Callable[[Feed, float | None], Stream]]:
        """Reserve a place for one more stream of this caller, before its feed uses resources.

        Yields:
            A function that opens the stream with its feed; if it is not called, the place is released.

        Raises:
            RateLimited: the caller, or the process, has reached its limit of open streams.
            Unavailable: the process is draining.
        """
        owner, opened = _owner(call), False
        self._take(owner)

        def open_with(feed: Feed, max_seconds: float | None) -> Stream:
            nonlocal opened
            stream, opened = Stream(call, feed, max_seconds), True
            with self._lock:
                self._open.add(stream)
                ending = self._ending
                if self._looks is None or not self._looks.is_alive():
                    self._looks = threading.Thread(target=self._look, name="streams", daemon=True)
                    self._looks.start()
            if ending is not None:
                feed.end(ending)
            return stream

        try:
            yield open_with
        finally:
            if not opened:
                self._give_back(owner)

    def close(self, stream: Stream) -> None:
        """Close the stream. Idempotent."""
        with self._lock:
            if stream not in self._open:
                return
            self._open.discard(stream)
        self._give_back(stream.owner)
        stream.feed.close()

    def end_all(self, failure: Unavailable) -> None:
        """End all streams, and those opened later, with this failure."""
        with self._lock:
            self._ending = failure
            streams = list(self._open)
        for stream in streams:
            stream.feed.end(failure)

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

    def _give_back(self, owner: str) -> None:
        with self._lock:
            self._taken -= 1
            self._places[owner] -= 1
            if not self._places[owner]:
                del self._places[owner]

    def _look(self) -> None:
        while True:
            time.sleep(CHECK_INTERVAL_SECONDS)
            with self._lock:
                streams = list(self._open)
                if not streams:
                    self._looks = None
                    connections.close_all()
                    return
            # Streams of one session share the credential of the last check; hashing each would be the largest cost.
            known = {id(stream.call.credential): stream.call.credential for stream in _in_turns(streams)}
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
            for stream in _in_turns(streams):
                self._look_at(stream, fresh[id(stream.call.credential)], now)

    def _look_at(self, stream: Stream, credential: Credential | None, now: float) -> None:
        if credential is None:
            stream.feed.end(Unauthenticated("The credential of this stream has expired or was revoked; sign in again."))
        elif stream.ends_at is not None and now >= stream.ends_at:
            stream.feed.end(
                Unavailable("This stream has reached its maximum duration; resume it from its last cursor.")
            )
        elif credential is not stream.call.credential:
            stream.call.credential = credential
            stream.feed.authorize(credential.actor)


def _in_turns(streams: Sequence[Stream]) -> Iterator[Stream]:
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


def _attributes(actor: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(actor).items() if name != "_state"}


def _owner(call: Call) -> str:
    return principal(call)


#: The streams of this process.
STREAMS = Streams()
