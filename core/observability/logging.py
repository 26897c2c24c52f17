"""Logging on standard error: lines of JSON, or text for a terminal."""

import json as stdlib_json
import logging
import os
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from core import context

SERVICE = "tandem"

# No line shows these, and every record would look them up.
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False

_encode = stdlib_json.JSONEncoder(default=str).encode


def logging_config(*, level: str, json: bool) -> dict[str, Any]:
    """Return the value of `LOGGING`: all loggers' lines from `level` upwards."""
    formatter = JsonFormatter if json else TextFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "filters": {"django": {"()": DjangoFilter}},
        "handlers": {
            "stderr": {
                "class": "core.observability.logging.StderrHandler",
                "formatter": "line",
                "filters": ["django"],
            }
        },
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        "loggers": {
            # Django's default handlers, for a terminal and for mail, would write all lines a second time.
            "django": {"level": "INFO", "handlers": []},
            "django.server": {"level": "INFO", "handlers": [], "propagate": True},
            # Errors of a caller are in the line of the call.
            "django.request": {"level": "ERROR"},
            # At DEBUG it logs every query, which would hide the other lines.
            "django.db.backends": {"level": "INFO"},
            "watchfiles": {"level": "WARNING"},
        },
    }


class DjangoFilter(logging.Filter):
    """Log suspicious requests as warnings, which Django logs as errors of the server with a traceback; and log no
    failure of a call a second time, without its id.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if record.name == "django.request" and getattr(getattr(request, "report", None), "has_failed", False):
            return False
        if record.name.startswith("django.security."):
            record.levelno, record.levelname, record.exc_info = logging.WARNING, "WARNING", None
        return True


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object in one line; the fields of a call (see `call_log`) are members of it."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": SERVICE,
            "logger": record.name,
            "function": record.funcName,
            "line": record.lineno,
            "message": record.getMessage(),
        }
        call = getattr(record, "call", None)
        if call is not None:
            line |= call
        elif request_id := context.request_id.get():
            line["request_id"] = request_id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        return _encode(line)


class TextFormatter(logging.Formatter):
    """Formats a record for a terminal: time, level, message, then the fields of the call."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).astimezone().isoformat(sep=" ", timespec="milliseconds")[11:23]
        text = f"{time} {record.levelname:<8}{record.getMessage()}"
        call = getattr(record, "call", None)
        if call is not None:
            # The message holds the operation and the code already.
            known = (f"{name}={value}" for name, value in call.items() if value and name not in ("operation", "code"))
            text = f"{text}  {' '.join(known)}"
        elif request_id := context.request_id.get():
            text = f"{text}  request_id={request_id}"
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return f"{text}\n{self.formatStack(record.stack_info)}" if record.stack_info else text


class StderrHandler(logging.Handler):
    """Writes lines in batches, in a separate thread.

    A thread that writes a line itself releases the interpreter while it holds the handler's lock, and the threads that
    serve calls then queue up behind it: measured in a gRPC server of four threads, 150 to 200 µs of CPU for a call's
    line, against less than 30 this way. (The standard library's queue handler has locks too.) The lines of calls are
    also formatted there: in sequence that takes a third of the time. Lines that are left are written when the process
    ends; a process that is killed loses those of its last moment. If standard error is not read, lines are buffered up
    to a limit, and then the threads that log wait.
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
