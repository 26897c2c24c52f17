"""A handler of log lines that does not delay the threads that serve calls."""

import logging
import os
import sys
import threading
import time
from collections import deque
from contextlib import suppress


class BufferedHandler(logging.Handler):
    """Writes lines in batches, in a separate thread.

    A thread that writes a line itself releases the interpreter while it holds the handler's lock, and the threads that
    serve calls then queue up behind it: GetUser over gRPC takes 13 % more CPU (bench/README.md). The standard library's
    queue handler has locks too, and takes 11 % more. The lines of calls are also formatted here. Lines that are left
    are written when the process ends; a process that is killed loses those of its last moment. If standard error is not
    read, lines are buffered up to a limit, and then the threads that log wait.
    """

    _GATHER_SECONDS = 0.02
    _MAX_LINES = 10_000

    def __init__(self) -> None:
        super().__init__()
        self._begin()
        # A fork copies the lines, but not the thread.
        os.register_at_fork(before=self.flush, after_in_child=self._begin)

    def _begin(self) -> None:
        self._lines: deque[str | logging.LogRecord] = deque()
        self._wake = threading.Event()
        self._writing = threading.Lock()
        self._started = False

    def createLock(self) -> None:  # noqa: N802
        """Create no lock: the formatter has no state, and appending is atomic."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Handle a record as the standard library does, which from Python 3.13 on requires a lock."""
        passed = self.filter(record)
        if passed:
            # From Python 3.12 on filters may replace the record.
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        # Fields of a call do not change, so they are formatted later. Arguments of other lines may change, and a
        # traceback would keep objects alive.
        may_wait = hasattr(record, "call") and not record.exc_info
        self._lines.append(record if may_wait else self._line(record))
        if not self._wake.is_set():
            self._wake_writer()
        if len(self._lines) > self._MAX_LINES:
            self.flush()

    def flush(self) -> None:
        """Write the buffered lines."""
        with self._writing:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if lines:
                text = "".join([line if isinstance(line, str) else self._line(line) for line in lines])
                with suppress(OSError, ValueError):  # stderr is closed.
                    sys.stderr.write(text)
                    sys.stderr.flush()

    def _line(self, record: logging.LogRecord) -> str:
        try:
            return f"{self.format(record)}\n"
        except Exception:
            self.handleError(record)
            return ""

    def close(self) -> None:
        self.flush()
        super().close()

    def _wake_writer(self) -> None:
        with self._writing:
            started, self._started = self._started, True
        if not started:
            try:
                threading.Thread(target=self._write, name="log", daemon=True).start()
            except RuntimeError:  # The process is ending and cannot start threads.
                self.flush()
                return
        self._wake.set()

    def _write(self) -> None:
        while self._wake.wait():
            # While there are new lines, other threads need not wake this one.
            while self._lines:
                time.sleep(self._GATHER_SECONDS)
                self.flush()
            self._wake.clear()
            if self._lines:
                self._wake.set()
