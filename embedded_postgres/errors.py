"""The error of the embedded database."""

import psycopg2


class EmbeddedDatabaseError(psycopg2.OperationalError):
    """The embedded PostgreSQL cannot be started or reached; the message states what to do.

    A subclass of the driver's exception, so that Django and the table of failures treat it as an unavailable database.
    """
