"""Limits on how many slots are in use at once: by one caller, and in a process."""

import threading
from collections import Counter
from collections.abc import Callable
from types import TracebackType

from core.errors import RateLimited


class Slot:
    """A slot in use. It is released when it is garbage collected, at the latest."""

    __slots__ = ("_release",)

    def __init__(self, release: Callable[[], None]) -> None:
        self._release: Callable[[], None] | None = release

    def release(self) -> None:
        """Release the slot. Idempotent."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def __enter__(self) -> "Slot":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


class Slots:
    """The slots of a process, by owner.

    Args:
        limit: returns the maximum in all.
        max_per_caller: returns the maximum of one owner.
        full: the message when `limit` are in use.
        too_many: the message when the owner has `max_per_caller`.
        retry_after_seconds: of the error.
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
        # Reentrant: the garbage collector may release a slot in this thread while it holds the lock.
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return self._of.total()

    def count_of(self, owner: str) -> int:
        """Return how many slots this owner has."""
        with self._lock:
            return self._of.get(owner, 0)

    def take(self, owner: str) -> Slot:
        """Take a slot for this owner.

        Raises:
            RateLimited: the owner, or the process, has reached its limit.
        """
        with self._lock:
            if self._of[owner] >= self._max_per_caller():
                raise RateLimited(self._too_many, self._retry_after_seconds)
            if self._of.total() >= self._limit():
                raise RateLimited(self._full, self._retry_after_seconds)
            self._of[owner] += 1
        return Slot(lambda: self._release(owner))

    def _release(self, owner: str) -> None:
        with self._lock:
            self._of[owner] -= 1
            if not self._of[owner]:
                del self._of[owner]
