"""Health of the service's components."""

import logging
from collections.abc import Callable

from django.db import Error, connection

from core import disk

logger = logging.getLogger(__name__)

_registered: dict[str, Callable[[], bool]] = {}


def register(name: str, works: Callable[[], bool]) -> None:
    """Add a component of an app; called in `AppConfig.ready`. `works` returns at once."""
    _registered[name] = works


def drain() -> None:
    """Report from now on that the process does not serve, so that load balancers use others."""
    register("serving", lambda: False)


def components() -> dict[str, bool]:
    """Return whether each component works that the service cannot do without, by name."""
    registered = {name: works() for name, works in _registered.items()}
    return {"database": _database_answers(), "disk": _disk_has_room(), **registered}


def _disk_has_room() -> bool:
    try:
        if disk.has_reserve():
            return True
        logger.warning("The disk is nearly full: less than half of DISK_RESERVE_BYTES is free.")
    except OSError as exc:
        logger.warning("The data folder cannot be read: %s", exc)
    return False


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as exc:
        logger.warning("The database does not answer: %s", exc)
        # The next call must not meet the broken connection.
        if not connection.in_atomic_block:
            connection.close()
        return False
    return True
