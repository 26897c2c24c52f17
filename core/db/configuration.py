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


def configuration(database_url: str | None, data_dir: Path, *, durable: bool = True) -> dict[str, Any]:
    """Return the value of `DATABASES["default"]`. The backend starts an embedded server with the first connection.

    Args:
        database_url: `postgres://user:password@host:port/name`; None or empty means the embedded PostgreSQL.
        data_dir: the folder of the embedded PostgreSQL.
        durable: False = the embedded PostgreSQL may lose its last writes if the machine crashes (for tests).

    Raises:
        ImproperlyConfigured: `database_url` is not a URL of PostgreSQL.
    """
    # Connections live as long as their threads; `backend` decides when one is checked before it is used.
    connections = {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    if not database_url:
        embedded = {"data_dir": str(data_dir.absolute()), "durable": durable}
        return {"ENGINE": _ENGINE, "NAME": "tandem", "EMBEDDED": embedded, **connections}
    if not database_url.startswith(_SCHEMES):
        raise ImproperlyConfigured("DATABASE_URL must start with postgres://: Tandem supports only PostgreSQL.")
    try:
        return {**connections, **environ.Env.db_url_config(database_url, engine=_ENGINE)}
    except ValueError as exc:  # Its text may show the password.
        raise ImproperlyConfigured("DATABASE_URL must be postgres://user:password@host:port/name.") from exc
