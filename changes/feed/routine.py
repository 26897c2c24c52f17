"""A thread with a database connection of its own, which does one thing again and again."""

import logging
import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from django.db import Error, connection

from core.db import sessions
from core.errors import is_database_away

logger = logging.getLogger(__name__)

#: How long it waits before it connects again, at first and at most.
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.05, 2.0
STOPPED_WITHIN_SECONDS = 10


class NotificationListener:
    """Runs `step` when PostgreSQL notifies on the channel, when `wake` is called, and every `poll_seconds`.

    A notification that is lost therefore costs only time. When the connection breaks, `begin` and `step` go on over a
    new one.

    Args:
        begin: what has to be done first on each new connection.
        step: gets whether `wake` was called since the last step. Its statements commit by themselves.
        least_seconds: between two steps, so that what comes together is done together.
    """

    def __init__(
        self,
        name: str,
        *,
        channel: str,
        poll_seconds: float,
        begin: Callable[[], None],
        step: Callable[[bool], None],
        least_seconds: float = 0.0,
    ) -> None:
        self._name = name
        self._channel = channel
        self._poll_seconds = poll_seconds
        self._least_seconds = least_seconds
        self._begin = begin
        self._step = step
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._rung = False
        self._waked = self._wake = -1

    @property
    def running(self) -> bool:
        """Whether it was started, in this process, and not stopped."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Starts the thread, unless it runs."""
        with self._guard:
            if self.running:
                return
            self._stopping.clear()
            self._rung = False
            self._waked, self._wake = os.pipe()
            os.set_blocking(self._waked, False)
            os.set_blocking(self._wake, False)
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ends the thread after its step, and closes its connection."""
        with self._guard:
            if self._thread is None:
                return
            self._stopping.set()
            self.wake()
            self._thread.join(STOPPED_WITHIN_SECONDS)
            if self._thread.is_alive():
                logger.error("%s does not end: the database does not answer.", self._name)
                return
            self._thread = None
            os.close(self._waked)
            os.close(self._wake)

    def wake(self) -> None:
        """Has a step done soon; from any thread."""
        if not self._rung and self._thread is not None:
            self._rung = True
            with suppress(OSError):  # Full: it is being woken up already. Or just being stopped.
                os.write(self._wake, b".")

    def _run(self) -> None:
        with sessions.unlimited():
            self._go_on()

    def _go_on(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            try:
                with connection.cursor() as cursor:
                    cursor.execute(f"LISTEN {self._channel}")
                self._begin()
                while not self._stopping.is_set():
                    began = time.monotonic()
                    rung, self._rung = self._rung, False
                    self._step(rung)
                    pause = FIRST_PAUSE_SECONDS
                    self._sleep(began)
            except Exception as exc:
                # Whatever it is: whoever waits for this thread's work waits for nothing else.
                if isinstance(exc, Error) and is_database_away(exc):
                    logger.warning("%s: the database is away; trying again.", self._name)
                else:
                    logger.exception("%s: trying again.", self._name)
                self._stopping.wait(pause)
                pause = min(2 * pause, MAX_PAUSE_SECONDS)
            finally:
                connection.close()

    def _sleep(self, began: float) -> None:
        link = connection.connection
        with connection.wrap_database_errors:
            link.poll()
            if not link.notifies:
                select.select([self._waked, link], [], [], self._poll_seconds)
                with suppress(BlockingIOError):
                    os.read(self._waked, 4096)
            self._stopping.wait(max(0.0, began + self._least_seconds - time.monotonic()))
            link.poll()
            link.notifies.clear()
