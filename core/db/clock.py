"""The one clock of all processes: the database's.

Times that several processes compare are read here. Those of their own machines may differ, or jump.
"""

import datetime

from django.db import connection


def now() -> datetime.datetime:
    """The time by the database's clock, at the call's moment (not the transaction's)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime.datetime = cursor.fetchone()[0]
        return moment
