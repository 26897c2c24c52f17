"""The pace of the streams of one caller beside other callers.

While other callers are present, a caller that has several streams open rests after each message: as long as the message
took, for each further stream that is open, up to four times. What a message costs is only in part seen in the thread
that works on it, and the more streams there are, the smaller is that part. A call of another caller so takes about
twice its time at most, however many streams a caller has open and however fast it sends. A caller that is alone is not
paced, and neither is an only stream.
"""

import threading
import time

from core.concurrency.presence import PRESENCE

#: The most seconds of rest for each second of work.
_MAX_REST = 4
#: The longest rest before one message.
_MAX_REST_SECONDS = 0.25


class Pace:
    """The rests of callers."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def worked(self, caller: str, seconds: float, *, streams: int) -> None:
        """Note that a thread has worked for the caller for so many seconds of its CPU time.

        Args:
            streams: how many the caller has open.
        """
        now = time.monotonic()
        with self._lock:
            until = max(now, self._until.get(caller, now)) + min(streams - 1, _MAX_REST) * seconds
            self._until[caller] = min(until, now + _MAX_REST_SECONDS)
            if len(self._until) > 1_000:
                self._until = {key: at for key, at in self._until.items() if at > now}

    def rest(self, caller: str) -> None:
        """Wait until the caller has rested from what it has worked, if others are present."""
        until = self._until.get(caller)
        if until is not None and PRESENCE.is_beside_others(caller):
            time.sleep(max(0.0, until - time.monotonic()))
