"""Detection of a transaction pooler between this process and PostgreSQL.

The feed and the jobs listen, hold advisory locks and set up their sessions. Through a pooler that gives each
transaction another session, a lock stays with a session of the pool after its process has ended, and the change log is
not numbered any more, without any error.
"""

from contextlib import closing
from typing import Any

import psycopg2
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

#: The order in which two clients ask for their session. With any strategy of a pool, one of them gets another session
#: than before, or both get the same. (The repetitions detect a round-robin pool.)
_CLIENT_ORDER = (0, 1, 0, 0, 1, 0, 1, 1)

_direct = False


def refuse_pooler() -> None:
    """Check, once per process, that no transaction pooler stands between this process and the database.

    If the settings name a pooler and the database behind it, the second address is checked. The embedded server needs
    no check. The check leaves nothing behind in the session, which other clients of a pooler use next.

    Raises:
        ImproperlyConfigured: a pooler does; the message states what to do.
        OperationalError: the database is unavailable, so it is unknown.
    """
    global _direct
    if _direct or connection.settings_dict.get("EMBEDDED"):
        return
    parameters = connection.get_connection_params()
    with connection.wrap_database_errors, closing(_client(parameters)) as one, closing(_client(parameters)) as two:
        sessions: tuple[set[int], set[int]] = set(), set()
        for place in _CLIENT_ORDER:
            with (one, two)[place].cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                sessions[place].add(cursor.fetchone()[0])
    if len(sessions[0]) > 1 or len(sessions[1]) > 1 or sessions[0] & sessions[1]:
        name, remedy = "DATABASE_URL", "name PostgreSQL itself in DATABASE_DIRECT_URL, too, or a pooler in session mode"
        if "POOLED" in connection.settings_dict:
            name, remedy = "DATABASE_DIRECT_URL", "name PostgreSQL itself there"
        raise ImproperlyConfigured(
            f"{name} goes through a connection pooler in transaction or statement mode, which cannot carry the "
            f"change feed and the jobs (they listen, and hold locks, in separate sessions): {remedy}."
        )
    _direct = True


def _client(parameters: dict[str, Any]) -> Any:
    client = psycopg2.connect(**parameters)
    client.autocommit = True
    return client
