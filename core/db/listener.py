"""A thread with its own database connection that runs a step at each notification."""

import logging
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from django.db import Error, connection

from core.db import pooling, sessions
from core.db.outages import is_database_away

logger = logging.getLogger(__name__)

#: Initial and maximum delay before the thread reconnects.
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.05, 2.0
STOP_TIMEOUT_SECONDS = 10


class NotificationListener:
    """Thread that runs `step` at each notification on the channel, when `wake` is called, and every `poll_seconds`.

    A lost notification therefore only causes a delay. When the connection breaks, as when the database restarts,
    `begin` and `step` continue on a new one.

    Args:
        begin: called first on each new connection, when it listens already.
        step: called with whether `wake` was called since the last step. Its statements commit automatically. It must
            not close the connection.
        min_interval_seconds: minimum time between two steps, so that simultaneous notifications share a step.
        receive: called with the text of each notification, before the step.
    """

    def __init__(
        self,
        name: str,
        *,
        channel: str,
        poll_seconds: float,
        begin: Callable[[], None] = lambda: None,
        step: Callable[[bool], None],
        min_interval_seconds: float = 0.0,
        receive: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._name = name
        self._channel = channel
        self._poll_seconds = poll_seconds
        self._min_interval_seconds = min_interval_seconds
        self._begin = begin
        self._step = step
        self._receive = receive
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._was_woken = False
        self._wake_reader, self._wake_writer = socket.socketpair()

    @property
    def running(self) -> bool:
        """True if the thread was started in this process and has not stopped."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread, unless it runs."""
        with self._guard:
            if self.running:
                return
            self._stopping.clear()
            self._was_woken = False
            # New ones, closed with the last reference: a late `wake` must not write to a number that is in use again.
            self._wake_reader, self._wake_writer = socket.socketpair()
            self._wake_reader.setblocking(False)
            self._wake_writer.setblocking(False)
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop the thread after its current step, and close its connection."""
        with self._guard:
            if self._thread is None:
                return
            self._stopping.set()
            self.wake()
            self._thread.join(STOP_TIMEOUT_SECONDS)
            if self._thread.is_alive():
                logger.error("The %s thread did not stop: the database does not respond.", self._name)
                return
            self._thread = None

    def wake(self) -> None:
        """Make the thread run a step soon. Any thread may call it."""
        if not self._was_woken and self._thread is not None:
            self._was_woken = True
            with suppress(BlockingIOError):  # It is full because a wake-up is pending.
                self._wake_writer.send(b".")

    def _run(self) -> None:
        with pooling.direct(), sessions.unlimited():
            self._run_steps()

    def _run_steps(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            try:
                with connection.cursor() as cursor:
                    cursor.execute(f"LISTEN {self._channel}")
                self._begin()
                while not self._stopping.is_set():
                    began = time.monotonic()
                    was_woken, self._was_woken = self._was_woken, False
                    self._step(was_woken)
                    pause = FIRST_PAUSE_SECONDS
                    self._sleep(began)
            except Exception as exc:
                # Every error is retried, because nothing else does the work of this thread.
                if isinstance(exc, Error) and is_database_away(exc):
                    logger.warning("The %s thread cannot reach the database; trying again.", self._name)
                else:
                    logger.exception("The %s thread failed; trying again.", self._name)
                self._stopping.wait(pause)
                pause = min(2 * pause, MAX_PAUSE_SECONDS)
            finally:
                connection.close()

    def _sleep(self, began: float) -> None:
        link = connection.connection
        with connection.wrap_database_errors:
            link.poll()
            if not link.notifies:
                select.select([self._wake_reader, link], [], [], self._poll_seconds)
                with suppress(BlockingIOError):
                    self._wake_reader.recv(4096)
            self._stopping.wait(max(0.0, began + self._min_interval_seconds - time.monotonic()))
            link.poll()
            received, link.notifies[:] = list(link.notifies), []
        for notification in received:
            self._receive(notification.payload)
