"""The clock of all processes: the database's.

Times that several processes compare are read here. The clocks of their machines may differ, or jump.
"""

import datetime

from django.db import connection


def now() -> datetime.datetime:
    """Return the current time by the database's clock (not the start of the transaction)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        time: datetime.datetime = cursor.fetchone()[0]
        return time
