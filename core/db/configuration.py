"""The database: a PostgreSQL of your own (`DATABASE_URL`), or the embedded one, which needs nobody to install anything.

`core.db.backend` is the engine of both, `embedded_postgres` starts and stops the server of the second, and
`core.db.thread_connections` keeps the connections of long-lived threads fresh.
"""

from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

_ENGINE = "core.db.backend"
_SCHEMES = ("postgres://", "postgresql://")


def configuration(database_url: str | None, data_dir: Path, *, durable: bool = True) -> dict[str, Any]:
    """The value of `DATABASES["default"]`. Starts nothing: the backend does, when the first connection is made.

    Args:
        database_url: `postgres://user:password@host:port/name`; none or empty means the embedded PostgreSQL.
        data_dir: where the embedded PostgreSQL keeps its files.
        durable: False lets the embedded PostgreSQL forget what it was told last when the machine crashes (for tests).

    Raises:
        ImproperlyConfigured: `database_url` is not one of PostgreSQL, or no URL.
    """
    # Connections live as long as their threads; `backend` says when one is checked before it is used.
    connections = {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    if not database_url:
        embedded = {"data_dir": str(data_dir.absolute()), "durable": durable}
        return {"ENGINE": _ENGINE, "NAME": "tandem", "EMBEDDED": embedded, **connections}
    if not database_url.startswith(_SCHEMES):
        raise ImproperlyConfigured(
            "DATABASE_URL must start with postgres://: PostgreSQL is the one database of Tandem."
        )
    try:
        return {**connections, **environ.Env.db_url_config(database_url, engine=_ENGINE)}
    except ValueError as exc:  # Its text may show the password.
        raise ImproperlyConfigured("DATABASE_URL must be postgres://user:password@host:port/name.") from exc
