"""The engine of `DATABASES["default"]`: Django's own for PostgreSQL, with three habits more.

Where `EMBEDDED` is set, it starts the embedded server when the first connection is made, not before: `manage.py
--help`, `makemigrations --check`, the type checker and whatever else only reads the settings need no server. A process
that was forked or spawned does the same for itself, and a server that was killed is started again by the next
connection.

A connection is checked (`SELECT 1`, a round trip) before it is used only if nobody used it for `IDLE_SECONDS`: Django's
CONN_HEALTH_CHECKS alone would pay that for every request. A connection that breaks while it is busy fails one call and
is then replaced.

A session is set up as `core.db.sessions` has it, and its statements end with the deadline of the call.
"""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.db.backends.postgresql import base, client
from django.db.backends.postgresql.psycopg_any import IsolationLevel

from core.db import sessions, spare_connections
from core.db.backend import names
from embedded_postgres import binaries, lifecycle

IDLE_SECONDS = 5.0
#: libpq's settings, unless DATABASE_URL has others: a server that does not answer, or a machine that is gone, is
#: noticed within seconds. Those about TCP mean nothing on a Unix socket.
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

names.read_in_c()


class DatabaseClient(client.DatabaseClient):
    """`manage.py dbshell`; for the embedded server with the `psql` that came with it."""

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


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection of one thread."""

    client_class = DatabaseClient
    _last_used = 0.0
    _statement_ms = 0

    def get_connection_params(self) -> dict[str, Any]:
        """Starts the embedded server, if that is the one to connect to."""
        server = server_of(self.settings_dict)
        where = {"host": server["HOST"], "port": server["PORT"], "user": server["USER"]} if server else {}
        return {**_PATIENCE, **super().get_connection_params(), **where}

    def init_connection_state(self) -> None:
        """Sets the new session up."""
        super().init_connection_state()
        self._statement_ms = sessions.statement_ms()
        self._execute("SET jit = off; " + sessions.limits_set_to(self._statement_ms))

    def ensure_connection(self) -> None:
        """Takes a connection that another thread has given back, if there is one."""
        if self.connection is None and not self.in_atomic_block and self._take_spare():
            return
        super().ensure_connection()

    def give_back(self) -> None:
        """Leaves the connection to whichever thread asks next; keeps it if it is in the midst of something."""
        if (
            self.connection is None
            or self.in_atomic_block
            or self.errors_occurred
            or self.needs_rollback
            or not self.get_autocommit()
            or self.connection.closed
        ):
            return
        given, self.connection = self.connection, None
        spare_connections.put(given, self._statement_ms)

    def close(self) -> None:
        """Closes what other threads have given back, too: who closes wants to be rid of the database."""
        super().close()
        spare_connections.close_all()

    def _take_spare(self) -> bool:
        spare = spare_connections.take(str(self.settings_dict["NAME"]))
        if spare is None:
            return False
        # As `connect` leaves a wrapper.
        self.connection, self._statement_ms = spare.connection, spare.statement_ms
        self.autocommit, self.closed_in_transaction, self.errors_occurred = True, False, False
        self.savepoint_ids, self.atomic_blocks, self.needs_rollback, self.run_on_commit = [], [], False, []
        self.isolation_level = IsolationLevel.READ_COMMITTED
        self.health_check_enabled = self.settings_dict["CONN_HEALTH_CHECKS"]
        self.health_check_done = True
        max_age = self.settings_dict["CONN_MAX_AGE"]
        self.close_at = None if max_age is None else time.monotonic() + max_age
        return True

    def create_cursor(self, name: str | None = None) -> Any:
        """Outside a transaction, first has the statements end with the deadline of the call."""
        if not self.in_atomic_block:
            self._keep_deadline()
        return super().create_cursor(name)

    def _set_autocommit(self, autocommit: bool) -> None:
        if not autocommit:  # A transaction begins. What is set within one is lost when it is rolled back.
            self._keep_deadline()
        super()._set_autocommit(autocommit)  # type: ignore[misc]

    def _keep_deadline(self) -> None:
        wanted = sessions.statement_ms()
        if wanted != self._statement_ms and self.get_autocommit():
            self._execute(sessions.limits_set_to(wanted))
            self._statement_ms = wanted

    def _execute(self, statement: str) -> None:
        # Not by Django's cursor: it is no query of the call's.
        with self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.execute(statement)

    def close_if_unusable_or_obsolete(self) -> None:
        """Django calls this at both ends of a request, and `thread_connections.connected` at both ends of a call.

        Over HTTP it is called twice before the first query: a check that is due stays due until it was made.
        """
        is_check_due = not self.health_check_done
        super().close_if_unusable_or_obsolete()
        now = time.monotonic()
        if now - self._last_used < IDLE_SECONDS and not is_check_due:
            self.health_check_done = True
        self._last_used = now


def server_of(settings_dict: dict[str, Any]) -> dict[str, Any]:
    """HOST, PORT and USER of the embedded server, which runs now; empty if the settings name another one."""
    chosen = settings_dict.get("EMBEDDED")
    if not chosen:
        return {}
    server = lifecycle.ensure_running(Path(chosen["data_dir"]), durable=chosen["durable"])
    return {name: server[name] for name in ("HOST", "PORT", "USER")}
