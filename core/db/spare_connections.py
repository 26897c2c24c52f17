"""Open connections that no thread uses just now.

A thread that waits for its client gives its connection back (`thread_connections.give_back`), and takes any when it has
something to ask: so there are as many connections as calls at work, not as there are threads. To move one costs some 10
µs; to open one, milliseconds.
"""

import threading
import time
from collections import deque
from typing import Any, NamedTuple

#: What is given back beyond that is closed.
MOST = 8
#: Older ones are closed: the database may have gone meanwhile.
_KEPT_SECONDS = 5.0


class Spare(NamedTuple):
    """A connection between two threads.

    Attributes:
        connection: psycopg2's.
        statement_ms: the limit of statements that its session has (see `core.db.sessions`).
    """

    connection: Any
    statement_ms: int
    since: float


_spares: deque[Spare] = deque()
_lock = threading.Lock()


def put(connection: Any, statement_ms: int) -> None:
    """Keep this connection for the next thread, or close it."""
    now = time.monotonic()
    with _lock:
        closed = []
        while _spares and (now - _spares[0].since > _KEPT_SECONDS or len(_spares) >= MOST):
            closed.append(_spares.popleft())
        _spares.append(Spare(connection, statement_ms, now))
    for old in closed:
        old.connection.close()


def take(database: str) -> Spare | None:
    """Return the connection to this database that was used last, if there is one."""
    with _lock:
        spare = _spares.pop() if _spares else None
    if spare is None:
        return None
    connection = spare.connection
    fresh = time.monotonic() - spare.since <= _KEPT_SECONDS
    if connection.closed or not fresh or connection.info.dbname != database:
        connection.close()
        return None
    return spare


def close_all() -> None:
    """Close them all."""
    with _lock:
        spares = list(_spares)
        _spares.clear()
    for spare in spares:
        spare.connection.close()
