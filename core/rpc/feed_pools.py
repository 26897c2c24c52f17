"""The threads that send feeds over gRPC (see `core.rpc.feed_senders`)."""

from django.conf import settings

from core.concurrency.thread_pool import ThreadPool
from core.db.thread_connections import release_connections

#: Threads that the streams of one caller may block with clients that do not read; each is replaced by a spare thread.
_MAX_BLOCKED_BY_CALLER = 16


class FeedPools:
    """The threads that send the feeds of a server. They start when they are needed.

    Attributes:
        live: send events.
        catching_up: read the database for streams that are behind, and send.
    """

    def __init__(self) -> None:
        size, of_one = settings.GRPC_SENDERS, _MAX_BLOCKED_BY_CALLER
        self.live = ThreadPool("grpc-send", size, share=of_one, share_beside_others=of_one, lazy=True)
        self.catching_up = ThreadPool(
            "grpc-catch-up",
            size,
            share=of_one,
            share_beside_others=of_one,
            lazy=True,
            at_rest=release_connections,
        )

    def end(self, within: float | None) -> None:
        """End the threads; wait for that, at most `within` seconds for each pool."""
        self.live.end(within)
        self.catching_up.end(within)
