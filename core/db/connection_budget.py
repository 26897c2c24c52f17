"""Check that PostgreSQL accepts as many connections as the processes of an installation may open."""

import logging

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger(__name__)

#: Connections of each process beside those of its threads: of the sequencer, the tailer, the check of open streams, and
#: the listener for drafts of live meetings.
EXTRA_CONNECTIONS = 4
#: Threads of the web process that only answer health checks.
HEALTH_THREADS = 2
_AVAILABLE = """
    SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true), '0')::int
"""


def max_connections(grpc_processes: int = 1) -> int:
    """Return how many connections one web process, these gRPC processes and one worker may open by the settings."""
    web = settings.HTTP_THREADS + HEALTH_THREADS + settings.MAX_REQUEST_STREAMS + EXTRA_CONNECTIONS
    grpc = settings.GRPC_MAX_WORKERS + settings.MAX_REQUEST_STREAMS + 2 * settings.GRPC_SENDERS + EXTRA_CONNECTIONS
    # Each job has a second thread, which supervises it.
    worker = 2 * (settings.WORKER_THREADS + settings.WORKER_LIVE_THREADS) + EXTRA_CONNECTIONS
    total: int = web + grpc_processes * grpc + worker
    return total


def available_connections(database: BaseDatabaseWrapper) -> int:
    """Return how many connections the server of this Django connection accepts, without those it reserves."""
    with database.cursor() as cursor:
        cursor.execute(_AVAILABLE)
        available: int = cursor.fetchone()[0]
        return available


def check(threads: int, grpc_processes: int = 1) -> None:
    """Compare the possible connections with PostgreSQL's limit, and log a warning if they may exceed it.

    Args:
        threads: how many threads of this process serve calls or run jobs at all times.
        grpc_processes: how many gRPC processes there are, as far as this process knows.

    Raises:
        ImproperlyConfigured: these threads alone exceed the limit.
        OperationalError: the database is unavailable, so the limit is unknown.
    """
    available = available_connections(connection)
    connection.close()
    if threads + EXTRA_CONNECTIONS > available:
        raise ImproperlyConfigured(
            f"This process needs {threads + EXTRA_CONNECTIONS} connections, and PostgreSQL accepts {available} in all "
            "(max_connections without those it reserves): raise max_connections, or lower this process's threads."
        )
    if (limit := max_connections(grpc_processes)) > available:
        logger.warning(
            "By the settings, a web process, %d gRPC processes and a worker may open %d connections, and PostgreSQL "
            "accepts %d (max_connections without those it reserves): raise max_connections, or lower "
            "HTTP_THREADS or GRPC_MAX_WORKERS, or calls may fail with UNAVAILABLE when all are busy.",
            grpc_processes,
            limit,
            available,
        )
