"""Classification of database exceptions: the database is away, or it ended a statement for its time limit."""

from django.db import DatabaseError, InterfaceError, OperationalError

#: PostgreSQL's codes of a statement that was ended because it, or its wait for a lock, took too long.
_QUERY_CANCELED, _LOCK_NOT_AVAILABLE = "57014", "55P03"


def is_statement_ended(exc: BaseException) -> bool:
    """Return whether the database ended the statement, most likely for its time limit (see `core.db.sessions`)."""
    return isinstance(exc, OperationalError) and _pgcode(exc) in (_QUERY_CANCELED, _LOCK_NOT_AVAILABLE)


def is_database_away(exc: BaseException) -> bool:
    """Return whether this exception means that the database cannot be reached at present."""
    if is_statement_ended(exc):
        return False
    if isinstance(exc, (OperationalError, InterfaceError)):
        return True
    # psycopg2 has no separate class for a connection that the server closed during a statement.
    return type(exc) is DatabaseError and _pgcode(exc) is None


def _pgcode(exc: BaseException) -> str | None:
    code: str | None = getattr(exc.__cause__, "pgcode", None)
    return code
