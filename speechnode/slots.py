"""How many calls are served at once, and when no more are."""

import threading
from collections.abc import Callable

from speechnode.failures import Draining, NoFreeStream


class Slots:
    """Places for streaming calls.

    Args:
        most: how many there are.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._taken = 0
        self._draining = False
        self._changed = threading.Condition()

    @property
    def free(self) -> int:
        """How many calls would be taken now."""
        with self._changed:
            return 0 if self._draining else self.limit - self._taken

    def take(self) -> Callable[[], None]:
        """Takes a place; the function that is returned gives it back, once, however often it is called.

        Raises:
            NoFreeStream: all are taken.
            Draining: no more are given.
        """
        with self._changed:
            if self._draining:
                raise Draining("The node is going away; another will serve this call.")
            if self._taken >= self.limit:
                raise NoFreeStream(f"All {self.limit} streams of the node are in use; try another node, or later.")
            self._taken += 1
        given_back = threading.Event()

        def give_back() -> None:
            with self._changed:
                if not given_back.is_set():
                    given_back.set()
                    self._taken -= 1
                    self._changed.notify_all()

        return give_back

    def drain(self) -> None:
        """Gives no more places."""
        with self._changed:
            self._draining = True

    def wait_until_idle(self, seconds: float) -> bool:
        """Waits until no place is taken; False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._taken, seconds)
