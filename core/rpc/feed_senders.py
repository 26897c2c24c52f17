"""Senders of feeds over gRPC: a few threads for all streams, woken when there are events.

A client that does not read blocks the thread that sends to it. The watchdog (`core.rpc.stall_watchdog`) soon adds a
spare thread, and later cuts the call. Streams that read from the database are sent by other threads, so that clients
that catch up do not delay live ones.
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

#: Threads that the streams of one caller may block with clients that do not read; each is replaced by a spare thread.
_MAX_BLOCKED_BY_CALLER = 16
#: Events that a thread sends to one client before it serves others.
_BATCH_SIZE = 64


@cache
def pools() -> tuple[ThreadPool, ThreadPool]:
    """Return the pool of threads that send, and that of threads that read the database for streams that are behind."""
    size, of_one = settings.GRPC_SENDERS, _MAX_BLOCKED_BY_CALLER
    live = ThreadPool("grpc-send", size, share=of_one, share_beside_others=of_one)
    catching_up = ThreadPool(
        "grpc-catch-up", size, share=of_one, share_beside_others=of_one, at_rest=release_connections
    )
    return live, catching_up


@cache
def cursor_encoder(message_type: Descriptor) -> Callable[[str], bytes]:
    """Return an encoder of a message's `cursor` alone. A decoder merges its bytes with those before them."""
    # The field's number and wire type 2; for numbers under 16 this is one byte.
    tag = message_type.fields_by_name["cursor"].number << 3 | 2

    def encode(cursor: str) -> bytes:
        text = cursor.encode()
        if not text:
            return b""
        length = len(text)
        # The length is a varint, of at most two bytes for a cursor.
        return bytes([tag, length] if length < 0x80 else [tag, length & 0x7F | 0x80, length >> 7]) + text

    return encode


class Sender:
    """Sends one feed to its client, in any free thread of a pool."""

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
        """Schedule sending, because there may be events. Idempotent."""
        with self._lock:
            self._woken = True
            if self._running:
                return
            self._running = True
        self._schedule()

    def _schedule(self) -> None:
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
            # The client gets the status of the exception, as in any other call.
            call.fail(exc)
            if isinstance(exc, Failure):
                call.report.level = logging.INFO  # Feeds end with a Failure in normal operation.
            call.finish()
            return
        with self._lock:
            if not events and not self._woken:
                self._running = False
                return
        self._schedule()


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()
