"""The limit on concurrent calls, and draining."""

import threading
from collections.abc import Callable

from speechnode.failures import Draining, NoFreeStream


class Slots:
    """Slots for streaming calls.

    Args:
        limit: how many there are.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._taken = 0
        self._draining = False
        self._changed = threading.Condition()

    @property
    def free(self) -> int:
        """Number of calls that would be accepted now."""
        with self._changed:
            return 0 if self._draining else self.limit - self._taken

    def take(self) -> Callable[[], None]:
        """Take a slot. Returns the function that releases it, which is idempotent.

        Raises:
            NoFreeStream: all slots are taken.
            Draining: the node is shutting down.
        """
        with self._changed:
            if self._draining:
                raise Draining("The speech node is shutting down; send the call to another node.")
            if self._taken >= self.limit:
                raise NoFreeStream(f"All {self.limit} streams of the node are in use; try another node or retry later.")
            self._taken += 1
        released = threading.Event()

        def release() -> None:
            with self._changed:
                if not released.is_set():
                    released.set()
                    self._taken -= 1
                    self._changed.notify_all()

        return release

    def drain(self) -> None:
        """Refuse further calls."""
        with self._changed:
            self._draining = True

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait until no slot is taken. Returns False on timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._taken, seconds)
