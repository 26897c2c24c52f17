"""The engine of `DATABASES["default"]`: Django's engine for PostgreSQL with three extensions.

If `EMBEDDED` is set, it starts the embedded server with the first connection, not before: `manage.py --help`,
`makemigrations --check`, the type checker and other programs that only read the settings need no server. A forked or
spawned process does the same, and the next connection restarts a server that was killed.

A connection is checked (`SELECT 1`, a round trip) before it is used only if it was idle for `IDLE_SECONDS`, or if the
server seems to have ended its session: Django's CONN_HEALTH_CHECKS alone would check it for every request. A connection
that breaks while it is in use fails one call and is then replaced.

A session is set up by `core.db.sessions`, and its statements end with the deadline of the call.

Besides the hooks of a backend, this module uses what Django does not document, for want of a public way: `release`
reads `errors_occurred` and `needs_rollback` to pass only sound connections on, `_set_autocommit` is where a transaction
begins, and `health_check_done` is what CONN_HEALTH_CHECKS leaves to be done. `tests/core/test_database_backend.py` and
`test_database_sessions.py` fail if a release of Django changes one of them.
"""

import time
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from threading import get_ident
from typing import Any
from uuid import UUID

import psycopg2.extensions
from django.db.backends.postgresql import base, client

from core.concurrency.statements import WAITING_THREADS
from core.db import pooling, sessions, spare_connections
from core.observability import process
from embedded_postgres import binaries, lifecycle

IDLE_SECONDS = 5.0
#: libpq's settings, unless DATABASE_URL has others: a server or machine that does not answer is noticed within seconds.
#: The settings of TCP do not apply to a Unix socket.
_TIMEOUTS = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

#: OID of the type `uuid`.
_UUID_OID = 2950
# Ids are repeated within a list (a project, a person) and between calls. To parse one takes 2 us, to find it 0.3.
_parsed_uuid = lru_cache(maxsize=4_096)(UUID)
psycopg2.extensions.register_type(
    psycopg2.extensions.new_type((_UUID_OID,), "UUID", lambda text, cursor: text and _parsed_uuid(text))
)


class DatabaseClient(client.DatabaseClient):
    """The client of `manage.py dbshell`; for the embedded server its own `psql`."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        arguments, environment = super().settings_to_cmd_args_env(
            {**settings_dict, **server_of(settings_dict)}, parameters
        )
        if settings_dict.get("EMBEDDED"):
            arguments[0] = str(binaries.programs()[binaries.newest()] / "psql")
        return arguments, environment


class Cursor(psycopg2.extensions.cursor):
    """A cursor whose thread is known to wait while a statement runs."""

    def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 - psycopg2's name
        """Execute a statement."""
        thread = get_ident()
        WAITING_THREADS[thread] = time.monotonic()
        try:
            super().execute(query, vars)
        finally:
            WAITING_THREADS.pop(thread, None)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection of one thread."""

    client_class = DatabaseClient
    health_check_done: bool
    _last_used = 0.0
    _statement_ms = 0
    _spare: spare_connections.Spare | None = None
    _is_pooled = False

    def get_connection_params(self) -> dict[str, Any]:
        """Return the connection's parameters; without the address of the embedded server, which may not run yet.

        PostgreSQL lists the session under the name of the process, unless `PGAPPNAME` or DATABASE_URL names it.
        """
        own = {**_TIMEOUTS, "fallback_application_name": process.name()}
        return {**own, **super().get_connection_params(), "cursor_factory": Cursor}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Take a spare connection that another thread has released, or open a new one."""
        self._is_pooled = pooling.is_pooled(self.settings_dict)
        self._spare = spare_connections.take(self._place)
        if self._spare is not None:
            return self._spare.connection
        if self._is_pooled:
            through = self.copy()
            through.settings_dict = {**self.settings_dict, **self.settings_dict["POOLED"]}
            conn_params = through.get_connection_params()
        server = server_of(self.settings_dict)
        where = {"host": server["HOST"], "port": server["PORT"], "user": server["USER"]} if server else {}
        return super().get_new_connection({**conn_params, **where})

    def init_connection_state(self) -> None:
        """Set up the session, unless it was set up for another thread."""
        if self._spare is not None:
            self._statement_ms, self._spare = self._spare.statement_ms, None
            return
        super().init_connection_state()
        if self._is_pooled:  # What a session is set to would stay with the pooler's.
            return
        self._statement_ms = sessions.statement_ms()
        self._execute("SET jit = off; " + sessions.limits_set_to(self._statement_ms))

    def release(self) -> None:
        """Release the connection to other threads, unless it is in a transaction or broken."""
        if (
            self.connection is None
            or self.in_atomic_block
            or self.errors_occurred
            or self.needs_rollback
            or not self.get_autocommit()
            or self.connection.closed
        ):
            return
        spare, self.connection = self.connection, None
        spare_connections.put(spare, self._place, self._statement_ms)

    def close(self) -> None:
        """Close the connection and all spare ones."""
        super().close()
        spare_connections.close_all()

    def create_cursor(self, name: str | None = None) -> Any:
        """Create a cursor; outside a transaction, first limit the statements by the deadline of the call."""
        if not self.in_atomic_block:
            self._keep_deadline()
        return super().create_cursor(name)

    def _set_autocommit(self, autocommit: bool) -> None:
        if not autocommit:  # A transaction begins. A rollback would also undo settings that are made within it.
            self._keep_deadline()
        super()._set_autocommit(autocommit)  # type: ignore[misc]
        if not autocommit and self._is_pooled:
            self._execute(sessions.limits_set_to(sessions.statement_ms(), local=True) + "; SET LOCAL jit = off")

    @property
    def _place(self) -> tuple[str, bool]:
        return str(self.settings_dict["NAME"]), self._is_pooled

    def _keep_deadline(self) -> None:
        if self._is_pooled:
            return
        wanted = sessions.statement_ms()
        if wanted != self._statement_ms and self.get_autocommit():
            self._execute(sessions.limits_set_to(wanted))
            self._statement_ms = wanted

    def _execute(self, statement: str) -> None:
        # Without Django's cursor, so that it does not count as a query of the call.
        with self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.execute(statement)

    def close_if_unusable_or_obsolete(self) -> None:
        """Close the connection if it is unusable, and decide whether the next query checks it first.

        A connection that was used within `IDLE_SECONDS` is not checked, unless its session seems to have ended. A check
        that is due stays due until a query makes it: over HTTP this method runs twice before the first query (Django
        calls it at both ends of a request, and `thread_connections.fresh_connections` at both ends of a call).
        """
        is_check_due = not self.health_check_done
        super().close_if_unusable_or_obsolete()
        now = time.monotonic()
        if now - self._last_used < IDLE_SECONDS and not is_check_due and self.connection is not None:
            self.health_check_done = not spare_connections.may_have_ended(self.connection)
        self._last_used = now


def server_of(settings_dict: dict[str, Any]) -> dict[str, Any]:
    """Start the embedded server, and return its HOST, PORT and USER; empty if the settings name another server."""
    embedded = settings_dict.get("EMBEDDED")
    if not embedded:
        return {}
    server = lifecycle.ensure_running(Path(embedded["data_dir"]), durable=embedded["durable"])
    return {name: server[name] for name in ("HOST", "PORT", "USER")}
