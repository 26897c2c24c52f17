"""A call of an engine, which its supervisor may stop."""

import threading
import time
from collections.abc import Callable

from core.observability.traces import traceparent


class EngineCall:
    """One call of an engine, which another thread may stop. Records when the engine last gave a sign of life."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._wake: Callable[[], None] | None = None
        self.why: Exception | None = None
        # The client may call the node in another thread, which does not know the span of the job.
        span = traceparent()
        self.metadata = (("traceparent", span),) if span else None
        self._progress_at = self._sign_of_life_at = time.monotonic()

    def stop(self, why: Exception) -> None:
        """Stop the call. The first reason is raised in the calling thread; later ones are ignored."""
        with self._lock:
            if self._stopped.is_set():
                return
            self.why = why
            self._stopped.set()
            wake = self._wake
        if wake:
            wake()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def raise_if_stopped(self) -> None:
        if self.why:
            raise self.why

    def when_stopped(self, wake: Callable[[], None]) -> None:
        """Set the function to call when the call is stopped, at once if it already is. Replaces an earlier one."""
        with self._lock:
            self._wake = wake
            stopped = self._stopped.is_set()
        if stopped:
            wake()

    def wait(self, seconds: float) -> None:
        """Sleep until the time is over or the call is stopped.

        Raises:
            Exception: the reason why it was stopped.
        """
        self._stopped.wait(seconds)
        self.raise_if_stopped()

    def record_progress(self) -> None:
        """Record that the engine has answered or accepted audio."""
        self._progress_at = self._sign_of_life_at = time.monotonic()

    def record_sign_of_life(self) -> None:
        """Record that the engine is alive, though it has answered nothing."""
        self._sign_of_life_at = time.monotonic()

    @property
    def quiet_seconds(self) -> float:
        """Seconds since the engine last answered or accepted audio."""
        return time.monotonic() - self._progress_at

    @property
    def silent_seconds(self) -> float:
        """Seconds since the engine's last sign of life."""
        return time.monotonic() - self._sign_of_life_at
