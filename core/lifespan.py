"""Lifespan of a process that serves calls or runs jobs: checks at the start, and its background threads."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error

from core.db import connection_budget, poolers, pooling, sessions
from core.observability import process
from embedded_postgres import lifecycle
from telemetry import tracing

_SWITCH_SECONDS = 0.0003


@contextmanager
def running_alongside(threads: int, *, streams: bool = True, grpc_processes: int = 1) -> Iterator[None]:
    """Run the background threads (`settings.ALONGSIDE`) for the life of a process, after its last fork.

    Args:
        threads: how many threads of the process have their own database connection at all times.
        streams: the process serves streams of events.
        grpc_processes: how many share the port; in processes that do not know it, how many to assume.

    Raises:
        ImproperlyConfigured: the database is behind a pooler that does not support the feed and the jobs, or it accepts
            fewer connections than the process needs; or traces cannot be sent as configured.
    """
    if settings.TRACING:
        try:
            tracing.start(process.name(), settings.VERSION)
        except tracing.TracingError as exc:
            raise ImproperlyConfigured(str(exc)) from exc
    with suppress(Error):  # The database is unavailable. The pooler is checked again before anything is locked.
        poolers.refuse_pooler()
        connection_budget.check(threads, grpc_processes)
    if streams:  # The process serves calls. Jobs have no time limit.
        pooling.use_pooler()
        sessions.limit(
            statement_seconds=settings.DATABASE_STATEMENT_SECONDS,
            idle_transaction_seconds=settings.DATABASE_IDLE_TRANSACTION_SECONDS,
        )
    module = import_module(settings.ALONGSIDE)
    _freeze_garbage_collector()
    # A thread that computes holds the interpreter for this interval while other threads have their query's result; each
    # call waits so several times.
    sys.setswitchinterval(_SWITCH_SECONDS)
    module.start(streams=streams)
    try:
        yield
    finally:
        # Threads that wait for the embedded database would keep the process from ending.
        lifecycle.end_waiting()
        module.stop()
        if settings.TRACING:
            tracing.stop()


def _freeze_garbage_collector() -> None:
    """Exclude the objects that are loaded by now, which stay anyway, from garbage collection.

    A full collection stops all threads while it visits all objects (measured: 50 to 100 ms, every ten seconds with
    1,000 active streams), and delays everything that is due in that time.
    """
    gc.collect()
    gc.freeze()
