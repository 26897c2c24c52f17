"""Why the embedded database cannot be used."""

import psycopg2


class EmbeddedDatabaseError(psycopg2.OperationalError):
    """The embedded PostgreSQL cannot be started or reached; the message is a sentence that says what to do.

    One of the driver's own exceptions, so that Django and the table of failures take it for what it is: the database
    is away.
    """
