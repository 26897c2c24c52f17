"""Logging on standard error: lines of JSON, or text for a terminal."""

import logging
from typing import Any

from core import context
from core.observability import process
from core.observability.buffered_handler import BufferedHandler
from log_formats import JsonFormatter, TextFormatter


def logging_config(*, level: str, json: bool, buffered: bool = True) -> dict[str, Any]:
    """Return the value of `LOGGING`: all loggers' lines from `level` upwards.

    Args:
        buffered: a thread writes the lines in batches; otherwise each is written by the thread that logs it.
    """
    formatter = {"()": JsonFormatter, "service": process.name} if json else {"()": TextFormatter}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {**formatter, "context": _request_id}},
        "filters": {"django": {"()": DjangoFilter}},
        "handlers": {
            "stderr": {
                "()": BufferedHandler if buffered else logging.StreamHandler,
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


def _request_id() -> dict[str, str]:
    request_id = context.request_id.get()
    return {"request_id": request_id} if request_id else {}
