"""Fresh database connections for threads that serve many calls and know no request."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def fresh_connections() -> Iterator[None]:
    """Surrounds one whole call in a thread that stays, as Django's request signals do for a request.

    At both ends it closes this thread's connections that are broken or were left in a transaction, so that the next
    query makes a new one; one that was idle for long is checked before its first query (see `backend`). A connection
    inside an atomic block is left alone: it belongs to who opened the block. Opens nothing: a call that needs no
    database costs no connection.
    """
    known = connections.all(initialized_only=True)
    _refresh(known)
    try:
        yield
    finally:
        # Asking again would cost more than what is done with them; only a thread's first calls make connections.
        _refresh(known if len(known) == len(connections.settings) else connections.all(initialized_only=True))


def refresh() -> None:
    """For a step of a long call: as at the ends of `fresh_connections`."""
    _refresh(connections.all(initialized_only=True))


def give_back() -> None:
    """For a thread that is going to wait for its client: leave its connections to the threads that work."""
    for connection in connections.all(initialized_only=True):
        connection.give_back()  # type: ignore[attr-defined]


def _refresh(known: Iterable[BaseDatabaseWrapper]) -> None:
    for connection in known:
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
            _forget_queries(connection)


def _forget_queries(connection: BaseDatabaseWrapper) -> None:
    """With DEBUG=true Django keeps every query until the next request, and there are no requests here."""
    if not connection.force_debug_cursor:  # Somebody is just reading them.
        connection.queries_log.clear()
