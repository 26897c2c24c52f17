"""Pacing of callers with several streams.

While other callers are present, a caller with several open streams rests after each message: with n streams, n - 1
times as long as the message took. (The measured time is only a part of the cost of a message, and the part shrinks as
the number of streams grows.) So a call of another caller takes at most about twice its time, however many streams a
caller has open and however fast it sends. A caller that is alone is not paced, nor is a single stream.
"""

import threading
import time

from core.concurrency.presence import PRESENCE

#: The longest rest before one message.
_MAX_REST_SECONDS = 0.25


class Pace:
    """The rests of all callers."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def worked(self, caller: str, seconds: float, *, streams: int) -> None:
        """Note that a thread has worked for the caller for so many seconds of CPU time.

        Args:
            streams: how many the caller has open.
        """
        now = time.monotonic()
        with self._lock:
            until = max(now, self._until.get(caller, now)) + (streams - 1) * seconds
            self._until[caller] = min(until, now + _MAX_REST_SECONDS)
            if len(self._until) > 1_000:
                self._until = {key: at for key, at in self._until.items() if at > now}

    def rest(self, caller: str) -> None:
        """Wait until the end of the caller's rest, if other callers are present."""
        until = self._until.get(caller)
        if until is not None and PRESENCE.is_beside_others(caller):
            time.sleep(max(0.0, until - time.monotonic()))
