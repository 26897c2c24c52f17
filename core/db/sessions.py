"""Settings of database sessions, and time limits of their statements.

JIT compilation is off: our statements take milliseconds, and compiling one takes up to 1.5 seconds where PostgreSQL
overestimates its cost.

In a process that serves calls (`limit`), PostgreSQL ends statements that take too long and transactions that are idle,
so that a call whose client no longer waits frees its thread. Commands, migrations and workers have no such limits, nor
has work within `unlimited`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from core.context import deadline

#: Deadlines are rounded to these statement limits: calls with similar deadlines then share a session's setting, and
#: only a change of it costs a statement.
_STEPS_SECONDS = (1, 2, 5, 10, 20, 30)


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits of this process, in seconds; 0 = none."""

    statement_seconds: float = 0
    idle_transaction_seconds: float = 0


_limits = Limits()
_unlimited: ContextVar[bool] = ContextVar("unlimited", default=False)


def limit(*, statement_seconds: float, idle_transaction_seconds: float) -> None:
    """Limit the sessions of this process that start, or are used outside a transaction, from now on."""
    global _limits
    _limits = Limits(statement_seconds, idle_transaction_seconds)


@contextmanager
def unlimited() -> Iterator[None]:
    """Lift the limits for work of this thread that does not belong to a call."""
    token = _unlimited.set(True)
    try:
        yield
    finally:
        _unlimited.reset(token)


def statement_ms() -> int:
    """Return the time limit of a statement that starts now, in milliseconds; 0 = no limit."""
    if _unlimited.get():
        return 0
    limit = _limits.statement_seconds
    if not limit:
        return 0
    until = deadline.get()
    left = limit if until is None else until - time.monotonic()
    return int(1000 * next((step for step in _STEPS_SECONDS if left <= step < limit), limit))


def limits_set_to(limit_ms: int, *, local: bool = False) -> str:
    """Return the SQL that sets a session's statement limit to this, and its transaction limit to the process's.

    Args:
        local: the limits end with the transaction.
    """
    set_ = "SET LOCAL" if local else "SET"
    idle_ms = 0 if _unlimited.get() else int(1000 * _limits.idle_transaction_seconds)
    return (
        f"{set_} statement_timeout = {limit_ms}; "
        # Locks that a commit waits for, as of a row that a new foreign key references, are not part of a statement.
        f"{set_} lock_timeout = {limit_ms}; "
        f"{set_} idle_in_transaction_session_timeout = {idle_ms}"
    )
