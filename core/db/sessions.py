"""What every session with the database is set to, and how long its statements may take.

JIT compilation is off: the statements here take milliseconds, and compiling one takes up to 1.5 seconds where
PostgreSQL overestimates its cost.

In a process that serves calls (`limit`), the server itself ends a statement that takes too long, and a transaction in
which nothing happens: the thread of a call that nobody waits for is free again. Commands, migrations and workers have
no such limits; neither has what runs within `unlimited`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from core.context import deadline

#: The steps in which a deadline becomes a statement's limit: calls of similar deadlines share a session's setting, and
#: only a change of it costs a statement.
_STEPS_SECONDS = (1, 2, 5, 10, 20, 30)


@dataclass(frozen=True, slots=True)
class Limits:
    """Of this process, in seconds; 0 = none."""

    statement_seconds: float = 0
    idle_transaction_seconds: float = 0


_limits = Limits()
_unlimited: ContextVar[bool] = ContextVar("unlimited", default=False)


def limit(*, statement_seconds: float, idle_transaction_seconds: float) -> None:
    """Limits the sessions of this process that are begun, or used outside a transaction, from now on."""
    global _limits
    _limits = Limits(statement_seconds, idle_transaction_seconds)


@contextmanager
def unlimited() -> Iterator[None]:
    """For work of this thread that belongs to no call and may take its time."""
    token = _unlimited.set(True)
    try:
        yield
    finally:
        _unlimited.reset(token)


def statement_ms() -> int:
    """How long a statement may take that begins now, in milliseconds; 0 = without limit."""
    if _unlimited.get():
        return 0
    limit = _limits.statement_seconds
    if not limit:
        return 0
    until = deadline.get()
    left = limit if until is None else until - time.monotonic()
    return int(1000 * next((step for step in _STEPS_SECONDS if left <= step < limit), limit))


def limits_set_to(limit_ms: int) -> str:
    """The statements that limit a session's statements to this, and its transactions as the process has it."""
    idle_ms = 0 if _unlimited.get() else int(1000 * _limits.idle_transaction_seconds)
    return (
        f"SET statement_timeout = {limit_ms}; "
        # What a commit waits for, such as the row that a new foreign key names, is no part of a statement.
        f"SET lock_timeout = {limit_ms}; "
        f"SET idle_in_transaction_session_timeout = {idle_ms}"
    )
