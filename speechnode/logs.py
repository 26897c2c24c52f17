"""Log lines, as JSON or as text for a terminal. They never contain the content of recordings."""

import json
import logging
import sys
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """Formats each record as a JSON object on one line; the facts of a call are members of it."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": "speechnode",
            "logger": record.name,
            "function": record.funcName,
            "line": record.lineno,
            "message": record.getMessage(),
            **getattr(record, "call", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """Formats a record for people: time, level, message, then the facts of a call."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-8s%(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        facts = " ".join(
            f"{name}={_on_one_line(value)}" for name, value in getattr(record, "call", {}).items() if value != ""
        )
        return f"{super().formatMessage(record)}  {facts}".rstrip()


def _on_one_line(value: object) -> str:
    """Escape a value that is not printable, so that a caller's text cannot forge a log line."""
    text = str(value)
    return text if text.isprintable() else ascii(text)


def set_up(*, as_json: bool, level: str) -> None:
    """Configure all loggers to write to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])
