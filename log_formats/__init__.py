"""Formats of log lines: JSON for machines, text for terminals. The server and the speech node share them.

A record may carry the fields of a call in its attribute `call` (`extra={"call": {...}}`). Those of records within a
call come from `context`.
"""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

Fields = Mapping[str, Any]

_encode = json.JSONEncoder(default=str).encode


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object in one line; the fields of a call are members of it.

    Args:
        service: the name of the program, or a function that returns it.
        context: returns fields for records that carry none.
    """

    def __init__(self, service: str | Callable[[], str], context: Callable[[], Fields] = dict) -> None:
        super().__init__()
        self._service: Callable[[], str] = service if callable(service) else lambda: service
        self._context = context

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service(),
            "logger": record.name,
            "function": record.funcName,
            "line": record.lineno,
            "message": record.getMessage(),
            **(getattr(record, "call", None) or self._context()),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        return _encode(line)


class TextFormatter(logging.Formatter):
    """Formats a record for a terminal: time, level, message, then the fields of the call.

    Args:
        context: returns fields for records that carry none.
    """

    def __init__(self, context: Callable[[], Fields] = dict) -> None:
        super().__init__()
        self._context = context

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).astimezone().isoformat(sep=" ", timespec="milliseconds")[11:23]
        fields = getattr(record, "call", None) or self._context()
        # The message of a call holds its operation and code already.
        shown = (
            f" {name}={_in_one_line(value)}"
            for name, value in fields.items()
            if value not in ("", None) and name not in ("operation", "code")
        )
        text = f"{time} {record.levelname:<8}{record.getMessage()}"
        if known := "".join(shown):
            text = f"{text} {known}"
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return f"{text}\n{self.formatStack(record.stack_info)}" if record.stack_info else text


def _in_one_line(value: object) -> str:
    """Escape a value that is not printable, so that a caller's text cannot forge a log line."""
    text = str(value)
    return text if text.isprintable() else ascii(text)
