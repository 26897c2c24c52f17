"""Feeds: what an rpc with a stream of answers gives, for either door to send on.

A `calls` function of such an rpc checks the request, as one of a unary rpc does, and gives a `Feed`. The gRPC door
drains it from a small pool of senders, the HTTP door from its event loop (as server-sent events); neither holds a
thread or a database connection for a feed that has nothing to send.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from google.protobuf.message import Message


class Payload:
    """One message of a feed without its cursor, encoded at most once for each door, however many streams send it.

    Args:
        message: with an empty `cursor`. It is not changed any more.
    """

    __slots__ = ("_encoded", "_lock", "message")

    def __init__(self, message: Message) -> None:
        self.message = message
        self._encoded: dict[Any, Any] = {}
        self._lock = threading.Lock()

    def encoded(self, encode: Callable[[Message], Any]) -> Any:
        """What this function makes of the message; the same function is asked once."""
        found = self._encoded.get(encode)
        if found is None:
            with self._lock:
                found = self._encoded.get(encode)
                if found is None:
                    found = self._encoded[encode] = encode(self.message)
        return found


class FeedOver(Exception):
    """A feed has told all that there was to tell: its stream ends well."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a stream sends.

    Attributes:
        name: as server-sent events call it, such as `created`.
        payload: shared by all streams that send it.
        cursor: where a client goes on after it; empty in the initial state. Only characters that need no escaping.
    """

    name: str
    payload: Payload
    cursor: str


class Feed(Protocol):
    """One client's stream. One thread at a time uses it, but for `wake`, which any thread may call."""

    @property
    def behind(self) -> bool:
        """Whether the next `take` may ask the database; otherwise it takes no time to speak of."""

    def start(self, wake: Callable[[], None]) -> None:
        """Begins. `wake` is called whenever `take` may have something after it had nothing; it must not block."""

    def take(self, limit: int) -> Sequence[Event]:
        """The next events, at most this many; none, if there are none now. It keeps its database connection fresh.

        Raises:
            Failure: the feed has ended, and why. Events from before have been taken.
            FeedOver: it has ended well.
        """

    def authorize(self, actor: Any) -> None:
        """Who the caller is by now: the same user, perhaps with other roles."""

    def end(self, failure: Any) -> None:
        """Has `take` raise this once it has given what it owes (a last bookmark, if asked for), and wakes the taker."""

    def close(self) -> None:
        """Nobody takes from it any more. May be called more than once."""
