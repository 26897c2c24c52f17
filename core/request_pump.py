"""The messages of a client in a thread of their own, for operations that answer while the client sends nothing."""

import contextvars
import threading
import time
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Any

from django.conf import settings

from core.errors import DeadlineExceeded

#: How often the handler gets a tick while no message arrives.
TICK_SECONDS = 0.1
#: Messages that are received ahead of the handler.
_MAX_WAITING = 8


class _Over:
    """The messages have ended.

    Args:
        failure: None = the client has sent all.
    """

    def __init__(self, failure: BaseException | None = None) -> None:
        self.failure = failure


class Pump(Iterator[Any]):
    """Yields messages as they arrive, and None as a tick: after `wake`, and when no message has arrived for a while.

    Args:
        messages: iterated over in another thread. That thread ends with the client's stream.
    """

    def __init__(self, messages: Iterator[Any]) -> None:
        self._messages = messages
        self._arrived: SimpleQueue[Any] = SimpleQueue()
        self._room = threading.Semaphore(_MAX_WAITING)
        self._is_woken = self._is_closed = False
        self._heard_at = time.monotonic()
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._receive,), name="pump", daemon=True).start()

    def wake(self) -> None:
        """Yield a tick soon. Any thread may call it."""
        if not self._is_woken:
            self._is_woken = True
            self._arrived.put(None)

    def close(self) -> None:
        """Receive no more messages."""
        self._is_closed = True
        self._room.release()

    def __next__(self) -> Any:
        try:
            message = self._arrived.get(timeout=TICK_SECONDS)
        except Empty:
            message = None
        if message is None:
            self._is_woken = False
            self._check_idle()
        elif isinstance(message, _Over):
            self._arrived.put(message)  # Of a call that asks once more.
            if message.failure is not None:
                raise message.failure
            raise StopIteration
        else:
            self._heard_at = time.monotonic()
            self._room.release()
        return message

    def _check_idle(self) -> None:
        limit: float = settings.UPLOAD_IDLE_SECONDS
        if time.monotonic() - self._heard_at > limit:
            raise DeadlineExceeded(f"No message arrived within {limit:g} seconds.")

    def _receive(self) -> None:
        over = _Over()
        try:
            for message in self._messages:
                self._room.acquire()
                if self._is_closed:
                    return
                self._arrived.put(message)
        except BaseException as exc:
            over = _Over(exc)
        self._arrived.put(over)
