"""Feeds: the results of rpcs with a stream of responses, which both transports send.

The handler of such an rpc checks the request, as that of a unary rpc does, and returns a `Feed`. The gRPC transport
drains it from a small pool of senders, the HTTP transport from its event loop (as server-sent events); neither holds a
thread or a database connection for a feed that has nothing to send.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, cast

from google.protobuf.message import Message

from core.actors import Actor


class Payload:
    """One message of a feed without its cursor, encoded at most once for each transport and shared by all streams.

    Args:
        message: with an empty `cursor`. It is not modified any more.
    """

    __slots__ = ("_encoded", "_lock", "message")

    def __init__(self, message: Message) -> None:
        self.message = message
        self._encoded: dict[Any, Any] = {}
        self._lock = threading.Lock()

    def encoded(self, encode: Callable[[Message], Any]) -> Any:
        """Return the message as this function encodes it; each function is called once."""
        found = self._encoded.get(encode)
        if found is None:
            with self._lock:
                found = self._encoded.get(encode)
                if found is None:
                    found = self._encoded[encode] = encode(self.message)
        return found


class FeedOver(Exception):
    """A feed has no more events: its stream ends without an error."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream.

    Attributes:
        name: of the server-sent event, such as `created`.
        payload: shared by all streams that send it.
        cursor: from which a client resumes after it; empty in the initial state. Only characters that need no escaping.
    """

    name: str
    payload: Payload
    cursor: str


def serialized(event: Event) -> bytes:
    """Return the event's message as bytes. The payload is encoded once for all streams; a decoder merges the cursor."""
    if not event.cursor:
        return cast(bytes, event.payload.encoded(_serialized))
    # Mypy takes the hash of a message for that of its class.
    cursor = _serialized_cursor(type(event.payload.message), event.cursor)  # type: ignore[arg-type]
    return cast(bytes, event.payload.encoded(_serialized)) + cursor


# Streams with equal views and rights have the same cursors, and get an event at about the same time.
@lru_cache(maxsize=1_024)
def _serialized_cursor(message_type: type[Message], cursor: str) -> bytes:
    return message_type(cursor=cursor).SerializeToString()


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()


class Feed(Protocol):
    """One client's stream of events. One thread at a time uses it, except for `wake`, which any thread may call."""

    @property
    def behind(self) -> bool:
        """Return whether the next `take` may ask the database; otherwise it returns at once."""

    def start(self, wake: Callable[[], None]) -> None:
        """Start. The feed calls `wake` when `take` may have events after it had none; `wake` must not block."""

    def take(self, limit: int) -> Sequence[Event]:
        """Take the next events, at most `limit`; empty if there are none yet. Keeps its database connection fresh.

        Raises:
            Failure: why the feed has ended. All events before it have been taken.
            FeedOver: the feed has ended without an error.
        """

    def authorize(self, actor: Actor) -> None:
        """Replace the actor: the same user, perhaps with other roles."""

    def end(self, failure: Any) -> None:
        """End the feed: `take` raises `failure`, after a last bookmark if the client requested them. Calls `wake`."""

    def close(self) -> None:
        """Stop delivery. Idempotent."""
