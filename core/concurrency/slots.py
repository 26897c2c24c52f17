"""How many of something may be open at once: of one caller, and in a process."""

import threading
from collections import Counter
from collections.abc import Callable

from core.errors import RateLimited


class Slot:
    """One of them, until it is given back; at the latest when nothing refers to it any more."""

    __slots__ = ("_give_back",)

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back: Callable[[], None] | None = give_back

    def give_back(self) -> None:
        """May be called more than once."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()

    def __enter__(self) -> "Slot":
        return self

    def __exit__(self, *raised: object) -> None:
        self.give_back()

    def __del__(self) -> None:
        self.give_back()


class Slots:
    """Counts what is open, by its owner.

    Args:
        most: how many there may be in all.
        max_per_caller: how many of one owner.
        full: what a caller is told when there are `limit`.
        too_many: what a caller is told who has `max_per_caller`.
        retry_after_seconds: when to try again.
    """

    def __init__(
        self,
        limit: Callable[[], int],
        max_per_caller: Callable[[], int],
        *,
        full: str,
        too_many: str,
        retry_after_seconds: int,
    ) -> None:
        self._limit = limit
        self._max_per_caller = max_per_caller
        self._full = full
        self._too_many = too_many
        self._retry_after_seconds = retry_after_seconds
        self._of: Counter[str] = Counter()
        # A place may be given back by the collector, in the midst of what this thread does here.
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return self._of.total()

    def count_of(self, owner: str) -> int:
        """Return how many places this owner has."""
        with self._lock:
            return self._of.get(owner, 0)

    def take(self, owner: str) -> Slot:
        """Take a place for this owner.

        Raises:
            RateLimited: the owner, or the process, has as many as may be.
        """
        with self._lock:
            if self._of[owner] >= self._max_per_caller():
                raise RateLimited(self._too_many, self._retry_after_seconds)
            if self._of.total() >= self._limit():
                raise RateLimited(self._full, self._retry_after_seconds)
            self._of[owner] += 1
        return Slot(lambda: self._give_back(owner))

    def _give_back(self, owner: str) -> None:
        with self._lock:
            self._of[owner] -= 1
            if not self._of[owner]:
                del self._of[owner]
