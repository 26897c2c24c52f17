"""How the gRPC door sends feeds: a few threads for all streams, woken when there is something.

A client that does not read blocks the thread that sends to it; another stands in for it after a moment, and after a
while the client is cut off (`core.rpc.stall_watchdog`). What has to ask the database is done by other threads, so that
clients that catch up do not hold up those that are live.
"""

import logging
import threading
from collections.abc import Callable
from functools import cache, partial

from django.conf import settings
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from core.concurrency.thread_pool import ThreadPool
from core.db.thread_connections import release_connections
from core.errors import Failure
from core.feeds import Feed, FeedOver
from core.rpc.call import CallbackCall

#: Threads that the streams of one caller may hold, by clients that do not read; others stand in for these.
_HELD_BY_ONE = 16
#: Events that a thread sends to one client before others have their turn.
_BATCH_SIZE = 64


@cache
def pools() -> tuple[ThreadPool, ThreadPool]:
    """The threads that send, and those that read the database for who is behind."""
    size, of_one = settings.GRPC_SENDERS, _HELD_BY_ONE
    live = ThreadPool("grpc-send", size, share=of_one, share_beside_others=of_one)
    catching_up = ThreadPool(
        "grpc-catch-up", size, share=of_one, share_beside_others=of_one, at_rest=release_connections
    )
    return live, catching_up


@cache
def cursor_encoder(message_type: Descriptor) -> Callable[[str], bytes]:
    """What gives the bytes of a message's `cursor`, to be put after those of the rest: protobuf merges the two."""
    # The field's number and wire type 2, which for numbers under 16 is one byte.
    tag = message_type.fields_by_name["cursor"].number << 3 | 2

    def encode(cursor: str) -> bytes:
        text = cursor.encode()
        if not text:
            return b""
        length = len(text)
        # A length is a varint; that of a cursor takes two bytes at most.
        return bytes([tag, length] if length < 0x80 else [tag, length & 0x7F | 0x80, length >> 7]) + text

    return encode


class Sender:
    """Sends one feed to its client, in whichever thread is free."""

    __slots__ = ("_call", "_encode_cursor", "_feed", "_lock", "_owner", "_running", "_woken")

    def __init__(self, call: CallbackCall, feed: Feed, message_type: Descriptor, owner: str) -> None:
        self._call = call
        self._feed = feed
        self._owner = owner
        self._encode_cursor = cursor_encoder(message_type)
        self._lock = threading.Lock()
        self._running = False
        self._woken = False

    def wake(self) -> None:
        """There may be something to send."""
        with self._lock:
            self._woken = True
            if self._running:
                return
            self._running = True
        self._go_on()

    def _go_on(self) -> None:
        live, catching_up = pools()
        if self._feed.behind:
            catching_up.run(partial(self._send_some, catching_up), self._owner)
        else:
            live.run(partial(self._send_some, live), self._owner)

    def _send_some(self, pool: ThreadPool) -> None:
        self._woken = False
        call, feed = self._call, self._feed
        try:
            events = feed.take(_BATCH_SIZE)
            release_connections()  # A client that does not read holds no database connection.
            for event in events:
                encoded = event.payload.encoded(_serialized) + self._encode_cursor(event.cursor)
                call.send_encoded(encoded, pool, settings.STREAM_STALL_SECONDS)
        except FeedOver:
            call.finish()
            return
        except Exception as exc:
            # Whatever it is, the client is told as any other failure.
            call.fail(exc)
            if isinstance(exc, Failure):
                call.report.level = logging.INFO  # That is how feeds end.
            call.finish()
            return
        with self._lock:
            if not events and not self._woken:
                self._running = False
                return
        self._go_on()


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()
