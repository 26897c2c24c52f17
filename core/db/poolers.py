"""Return whether a transaction pooler stands between this process and PostgreSQL.

The feed and the jobs listen, hold advisory locks and set up their sessions. Through a pooler that gives each
transaction another session, a lock stays with a session of the pool when its process has ended, and nothing is numbered
any more, without an error anywhere.
"""

from contextlib import closing
from typing import Any

import psycopg2
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

#: Which of two clients asks, one after the other. Of a pool, whichever of its sessions is next, one of them is given
#: another than before, or both are given the same. (A pool that takes turns needs the repetitions.)
_ASK = (0, 1, 0, 0, 1, 0, 1, 1)

_direct = False


def refuse_pooler() -> None:
    """Makes sure that this process's sessions are its own; asks only once, and nothing of the embedded server.

    Nothing is set or locked meanwhile: it would stay in a session of the pool.

    Raises:
        ImproperlyConfigured: they are not; the message is a sentence that says what to do.
        OperationalError: the database is away, so it is not known.
    """
    global _direct
    if _direct or connection.settings_dict.get("EMBEDDED"):
        return
    parameters = connection.get_connection_params()
    with connection.wrap_database_errors, closing(_client(parameters)) as one, closing(_client(parameters)) as two:
        sessions: tuple[set[int], set[int]] = set(), set()
        for place in _ASK:
            with (one, two)[place].cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                sessions[place].add(cursor.fetchone()[0])
    if len(sessions[0]) > 1 or len(sessions[1]) > 1 or sessions[0] & sessions[1]:
        raise ImproperlyConfigured(
            "DATABASE_URL goes through a connection pooler in transaction or statement mode, which cannot carry the "
            "change feed and the jobs (they listen, and hold locks, in sessions of their own): name PostgreSQL itself "
            "there, or a pool in session mode."
        )
    _direct = True


def _client(parameters: dict[str, Any]) -> Any:
    client = psycopg2.connect(**parameters)
    client.autocommit = True
    return client
