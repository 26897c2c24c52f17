"""Senders of feeds over gRPC: a few threads for all streams, woken when there are events.

A client that does not read blocks the thread that sends to it. The watchdog (`core.rpc.stall_watchdog`) soon adds a
spare thread, and later cuts the call. Streams that read from the database are sent by other threads, so that clients
that catch up do not delay live ones.
"""

import logging
import threading
from functools import partial

from django.conf import settings

from core.concurrency.thread_pool import ThreadPool
from core.db.thread_connections import release_connections
from core.errors import Failure
from core.feeds import Feed, FeedOver, serialized
from core.rpc.stream_context import StreamContext

#: Events that a thread sends to one client before it serves others.
_BATCH_SIZE = 64


class Sender:
    """Sends one feed to its client, in any free thread of a pool."""

    __slots__ = ("_call", "_feed", "_lock", "_owner", "_running", "_woken")

    def __init__(self, call: StreamContext, feed: Feed, owner: str) -> None:
        self._call = call
        self._feed = feed
        self._owner = owner
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
        pool = self._call.feed_pools.catching_up if self._feed.behind else self._call.feed_pools.live
        try:
            pool.run(partial(self._send_batch, pool), self._owner)
        except RuntimeError:  # The server has ended its threads, and with them the call.
            return

    def _send_batch(self, pool: ThreadPool) -> None:
        """Send what there is, at most a batch, and continue in another turn if there is more."""
        left = _BATCH_SIZE
        while left > 0:
            self._woken = False
            sent = self._send_some(pool, left)
            if sent is None:
                return
            if not sent:
                with self._lock:
                    if not self._woken:
                        self._running = False
                        return
                break
            # Most streams have one event at a time. Looking for more at once costs less than another turn.
            left -= sent
            if self._feed.behind:
                break
        self._schedule()

    def _send_some(self, pool: ThreadPool, limit: int) -> int | None:
        """Send the next events. Returns their number; None if the stream is over."""
        call = self._call
        try:
            events = self._feed.take(limit)
            release_connections()  # A client that does not read holds no database connection.
            for event in events:
                call.send_encoded(serialized(event), pool, settings.STREAM_STALL_SECONDS)
        except FeedOver:
            call.finish()
            return None
        except Exception as exc:
            # The client gets the status of the exception, as in any other call.
            call.fail(exc)
            if isinstance(exc, Failure):
                call.report.level = logging.INFO  # Feeds end with a Failure in normal operation.
            call.finish()
            return None
        return len(events)
