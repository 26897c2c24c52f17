"""Open connections that no thread is using.

A thread that waits for its client releases its connection (`core.db.thread_connections`), and takes any when it needs
one: so there are as many connections as active calls, not as there are threads. Passing a connection on costs some 10
µs; opening one, milliseconds.
"""

import select
import threading
import time
from collections import deque
from typing import Any, NamedTuple

#: How many are kept; more are closed.
MAX_SPARES = 8
#: Older ones are closed: the database may have been restarted since.
_KEPT_SECONDS = 5.0


class Spare(NamedTuple):
    """A connection that no thread is using.

    Attributes:
        connection: psycopg2's.
        place: the database's name, and whether it was reached through a pooler.
        statement_ms: the statement limit of its session (see `core.db.sessions`).
    """

    connection: Any
    place: tuple[str, bool]
    statement_ms: int
    since: float


_spares: deque[Spare] = deque()
_lock = threading.Lock()


def may_have_ended(connection: Any) -> bool:
    """Return whether the session of this connection of psycopg2, which is at rest, may have ended.

    Its socket has something to read then: a last message of the server, or the end. Takes 1 µs, without a round trip.
    """
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def put(connection: Any, place: tuple[str, bool], statement_ms: int) -> None:
    """Keep this connection for the next thread, or close it."""
    now = time.monotonic()
    with _lock:
        closed = []
        while _spares and (now - _spares[0].since > _KEPT_SECONDS or len(_spares) >= MAX_SPARES):
            closed.append(_spares.popleft())
        _spares.append(Spare(connection, place, statement_ms, now))
    for old in closed:
        old.connection.close()


def take(place: tuple[str, bool]) -> Spare | None:
    """Return the connection to this place that was used last, if there is one."""
    with _lock:
        spare = _spares.pop() if _spares else None
    if spare is None:
        return None
    connection = spare.connection
    fresh = time.monotonic() - spare.since <= _KEPT_SECONDS
    if not fresh or spare.place != place or may_have_ended(connection):
        connection.close()
        return None
    return spare


def close_all() -> None:
    """Close all spare connections."""
    with _lock:
        spares = list(_spares)
        _spares.clear()
    for spare in spares:
        spare.connection.close()
