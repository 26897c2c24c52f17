"""A call whose behaviour does not block: its messages are sent from any thread."""

import threading
import time
from collections.abc import Callable
from typing import Any

from core.concurrency.thread_pool import ThreadPool
from core.errors import Failure, RateLimited
from core.rpc.feed_pools import FeedPools
from core.rpc.rpc_context import RpcContext
from core.streams import LAST_CHANCE_SECONDS


class StreamContext(RpcContext):
    """A call whose behaviour does not block: messages are sent from any thread, until one sends None.

    Its report continues after the behaviour has returned, and is written when the transport reports the call's end.

    Args:
        send: grpcio's; blocks while the client does not read.
        at_end: called once when the call is over, no matter which side ended it.
        feed_pools: the threads that send feeds.

    Attributes:
        ended_by: function of the behaviour that ends the call with a failure; None until the behaviour sets it.
    """

    __slots__ = ("_at_end", "_ended", "_over", "_send", "_sending", "_state", "_when_over", "ended_by", "feed_pools")

    def __init__(
        self,
        *args: Any,
        send: Callable[[Any], None],
        at_end: Callable[["StreamContext"], None],
        feed_pools: FeedPools,
    ) -> None:
        super().__init__(*args)
        self.feed_pools = feed_pools
        self._send = send
        self._at_end = at_end
        self._sending = threading.Lock()
        self._state = threading.Lock()
        self._ended = False
        self._over = False
        self.ended_by: Callable[[Failure], None] | None = None
        self._when_over: Callable[[], None] | None = None

    def send(self, message: Any) -> None:
        """Send a message; None ends the call with its problem, or with OK. Has no effect once the call has ended."""
        if message is None:
            self.finish()
            return
        encoded = self.method.encode(message)
        with self._sending:  # grpcio accepts one message at a time.
            self.send_encoded(encoded, self.pool)

    def send_encoded(self, encoded: bytes, pool: ThreadPool | None, patience: float | None = None) -> None:
        """Send a message that is encoded already. The caller makes sure that only one thread sends at a time.

        Args:
            pool: the pool of this thread; the guard adds a spare thread to it while the client does not read.
            patience: seconds after which the guard cuts the call; None = the guard's default.
        """
        if self._ended:
            return
        self.guard.watch(self, pool, patience)
        try:
            self._send(encoded)
        finally:
            self.guard.unwatch(self)

    def succeed(self) -> None:
        """Record nothing yet: the call continues after its behaviour has returned."""

    def behaviour_returned(self) -> None:
        """Keep the report open after the behaviour has returned, unless the call is over."""
        with self._state:
            self.report.continues = not self._over

    def end(self, failure: Failure) -> None:
        """End the call with a failure; if the behaviour has set `ended_by`, let that end it."""
        if self.ended_by is not None:
            self.ended_by(failure)
            return
        self.fail(failure)
        self.finish()

    def cut(self) -> None:
        """End the call of a client that has not read for too long, and cancel it if it does not read the status."""
        if self._ended:
            if self._cancelled_at is None or time.monotonic() >= self._cancelled_at:
                self.context.cancel()  # type: ignore[no-untyped-call]
            return
        self._cancelled_at = time.monotonic() + LAST_CHANCE_SECONDS
        self.fail(RateLimited("The stream was not read for too long; resume from your last cursor.", 1))
        self.finish()

    def finish(self) -> None:
        """End the call, unless it has ended already."""
        if self._end():
            if self.problem is None:
                super().succeed()
            self.set_status()
            self._send(None)

    def terminated(self) -> None:
        """Handle the end of the call. grpcio calls this on its one serving thread, so it must be short."""
        if self._end():
            self.report.code = "CANCELLED"
        with self._state:
            self._over = True
        if self._when_over is not None:
            self._when_over()
        self._at_end(self)

    def when_over(self, close: Callable[[], None]) -> bool:
        """Register `close`, which must be short, for the end of the call.

        Returns:
            False if the call is over already; `close` has then been called.
        """
        with self._state:
            if not self._over:
                self._when_over = close
                return True
        close()
        return False

    def _end(self) -> bool:
        with self._state:
            ended, self._ended = self._ended, True
        return not ended
