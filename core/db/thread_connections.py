"""Fresh database connections for threads that serve many calls without Django's request cycle."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connections, reset_queries
from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def fresh_connections() -> Iterator[None]:
    """Surround one whole call in a long-lived thread, as Django's request signals do for a request.

    At both ends, close this thread's connections that are broken or were left in a transaction, so that the next query
    opens a new one; a connection that was idle for long is checked before its first query (see `backend`). A connection
    inside an atomic block is kept: it belongs to the owner of the block. Opens no connection, so a call that does not
    use the database needs none.
    """
    known = connections.all(initialized_only=True)
    _refresh(known)
    try:
        yield
    finally:
        # Looking them up again would cost more than refreshing them; only a thread's first calls open connections.
        _refresh(known if len(known) == len(connections.settings) else connections.all(initialized_only=True))


def refresh() -> None:
    """Refresh this thread's connections for a step of a long call, as `fresh_connections` does at both ends."""
    _refresh(connections.all(initialized_only=True))


def release_connections() -> None:
    """Release this thread's connections to other threads, before it waits for its client."""
    for connection in connections.all(initialized_only=True):
        connection.release()  # type: ignore[attr-defined]


def _refresh(known: Iterable[BaseDatabaseWrapper]) -> None:
    for connection in known:
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
    if settings.DEBUG:
        # Django logs the statements until the next request, and these threads serve no requests.
        reset_queries()
