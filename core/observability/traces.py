"""Trace spans of calls, statements, jobs and changes. Where `settings.TRACING` is False, none of this runs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection

from telemetry import tracing

_MAX_STATEMENT_LENGTH = 2_000


def traceparent() -> str | None:
    """Return the current span as a W3C `traceparent`; None outside of spans, and without tracing."""
    return tracing.traceparent() if settings.TRACING else None


@contextmanager
def traced(
    name: str, *, kind: str, carrier: Mapping[str, str] | None = None, attributes: tracing.Attributes | None = None
) -> Iterator[Any]:
    """Open a span; the statements of this thread have spans within it."""
    with (
        tracing.span(name, kind=kind, carrier=carrier, attributes=attributes) as opened,
        connection.execute_wrapper(_statement),
    ):
        yield opened


def _statement(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    # Without its values, which may be personal.
    text = str(sql)[:_MAX_STATEMENT_LENGTH]
    verb = text.split(maxsplit=1)[0].upper() if text.strip() else "SQL"
    with tracing.span(verb, kind="CLIENT", attributes={"db.system.name": "postgresql", "db.query.text": text}):
        return execute(sql, params, many, context)
