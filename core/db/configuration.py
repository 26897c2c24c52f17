"""Configuration of the database: a given PostgreSQL (`DATABASE_URL`), or the embedded one, which needs no installation.

`core.db.backend` is the engine of both, `embedded_postgres` starts and stops the embedded server, and
`core.db.thread_connections` keeps the connections of long-lived threads fresh.
"""

from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

_ENGINE = "core.db.backend"
_SCHEMES = ("postgres://", "postgresql://")


def configuration(
    database_url: str | None, data_dir: Path, *, direct_url: str | None = None, durable: bool = True
) -> dict[str, Any]:
    """Return the value of `DATABASES["default"]`. The backend starts an embedded server with the first connection.

    Args:
        database_url: `postgres://user:password@host:port/name`; None or empty means the embedded PostgreSQL.
        data_dir: the folder of the embedded PostgreSQL.
        direct_url: the same database without a pooler, if `database_url` goes through one in transaction mode.
        durable: False = the embedded PostgreSQL may lose its last writes if the machine crashes (for tests).

    Raises:
        ImproperlyConfigured: a URL is not one of PostgreSQL, or there is a direct one without the other.
    """
    # Connections live as long as their threads; `backend` decides when one is checked before it is used.
    connections = {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    if not database_url:
        if direct_url:
            raise ImproperlyConfigured(
                "DATABASE_DIRECT_URL is for a DATABASE_URL that goes through a pooler: set both."
            )
        embedded = {"data_dir": str(data_dir.absolute()), "durable": durable}
        return {"ENGINE": _ENGINE, "NAME": "tandem", "EMBEDDED": embedded, **connections}
    pooled = _parsed("DATABASE_URL", database_url)
    if not direct_url:
        return {**connections, **pooled}
    # A cursor of the server would outlive the session that a pooler gives to a transaction.
    direct = _parsed("DATABASE_DIRECT_URL", direct_url)
    return {**connections, **direct, "POOLED": pooled, "DISABLE_SERVER_SIDE_CURSORS": True}


def _parsed(variable: str, url: str) -> dict[str, Any]:
    if not url.startswith(_SCHEMES):
        raise ImproperlyConfigured(f"{variable} must start with postgres://: Tandem supports only PostgreSQL.")
    try:
        return dict(environ.Env.db_url_config(url, engine=_ENGINE))
    except ValueError as exc:  # Its text may show the password.
        raise ImproperlyConfigured(f"{variable} must be postgres://user:password@host:port/name.") from exc
