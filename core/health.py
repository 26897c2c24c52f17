"""How the service is."""

import logging

from django.db import Error, connection

logger = logging.getLogger(__name__)


def components() -> dict[str, bool]:
    """Each part that Tandem cannot do without, and whether it works."""
    return {"database": _database_answers()}


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
