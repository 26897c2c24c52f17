"""The open streams of this process, whichever door they came through: how many there may be, and until when.

One thread looks at all of them twice a second: whose credential has expired or was revoked is ended within a second,
and each is told what its caller may do by now. It asks the database once for all, and only while there are streams.
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
#: So many streams are looked at in one go; then calls that wait for the interpreter have their turn.
_BATCH_SIZE, _PAUSE_SECONDS = 500, 0.001


class Stream:
    """One open stream of events.

    Args:
        call: whose it is.
        feed: what it sends.
        max_seconds: after which it is ended, so that its client connects anew; None = never.
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
        """A place for one more stream of this caller, taken before its feed costs anything.

        Yields:
            What opens the stream with its feed; if it is not called, the place is given back.

        Raises:
            RateLimited: the caller, or the process, has as many as may be.
            Unavailable: the process is ending.
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
        """The stream is over. May be called more than once."""
        with self._lock:
            if stream not in self._open:
                return
            self._open.discard(stream)
        self._give_back(stream.owner)
        stream.feed.close()

    def end_all(self, failure: Unavailable) -> None:
        """Ends every stream and those that come yet, and tells their clients why."""
        with self._lock:
            self._ending = failure
            streams = list(self._open)
        for stream in streams:
            stream.feed.end(failure)

    def check_going_on(self) -> None:
        """Raises why this process takes no more, if it does not."""
        if self._ending is not None:
            # A new one for each: whoever raises it may say more in it.
            raise Unavailable(self._ending.message)

    def _take(self, owner: str) -> None:
        with self._lock:
            self.check_going_on()
            if self._taken >= settings.MAX_STREAMS:
                raise RateLimited("The server has as many open streams as it takes; try again in a while.", 10)
            if self._places[owner] >= settings.MAX_STREAMS_PER_CALLER:
                raise RateLimited("You have as many open streams as one caller may have; close some.", 10)
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
            # Streams of one session share the object that the last look gave them; hashing each would cost the most.
            known = {id(stream.call.credential): stream.call.credential for stream in _in_turns(streams)}
            try:
                with fresh_connections():
                    renewed = _looked_at(set(known.values()))
            except Error as exc:
                # Nothing can be found out, and nothing happens in the feeds meanwhile.
                if not is_database_away(exc):
                    logger.exception("The credentials of open streams could not be looked at.")
                continue
            fresh = {identity: renewed.get(credential) for identity, credential in known.items()}
            now = time.monotonic()
            for stream in _in_turns(streams):
                self._look_at(stream, fresh[id(stream.call.credential)], now)

    def _look_at(self, stream: Stream, credential: Credential | None, now: float) -> None:
        if credential is None:
            stream.feed.end(Unauthenticated("The credential of this stream has expired or was revoked; sign in again."))
        elif stream.ends_at is not None and now >= stream.ends_at:
            stream.feed.end(Unavailable("This stream has run for long enough; open it again where it ended."))
        elif credential is not stream.call.credential:
            stream.call.credential = credential
            stream.feed.authorize(credential.actor)


def _in_turns(streams: Sequence[Stream]) -> Iterator[Stream]:
    """The streams, with pauses: a look at 10,000 in one go would keep every call waiting for some 10 ms."""
    for first in range(0, len(streams), _BATCH_SIZE):
        if first:
            time.sleep(_PAUSE_SECONDS)
        yield from streams[first : first + _BATCH_SIZE]


def _looked_at(credentials: Collection[Credential]) -> dict[Credential, Credential]:
    """What these are worth by now; one of which nothing has changed is itself, and costs its streams nothing."""
    return {
        known: known if _told_of(known.actor) == _told_of(now.actor) else now
        for known, now in auth.renew(credentials).items()
    }


def _told_of(actor: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(actor).items() if name != "_state"}


def _owner(call: Call) -> str:
    return principal(call)


#: Those of this process.
STREAMS = Streams()
