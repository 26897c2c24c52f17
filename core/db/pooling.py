"""Choice between the pooler in front of the database and the database itself, where the settings name both.

Threads that serve calls go through the pooler, which gives each transaction a session (DATABASE_URL). All others
connect directly (DATABASE_DIRECT_URL): threads that listen or hold locks of their session, workers, commands and
migrations.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_serves_calls = False
_direct: ContextVar[bool] = ContextVar("direct", default=False)


def use_pooler() -> None:
    """Open connections through the pooler from now on, in this process, which serves calls."""
    global _serves_calls
    _serves_calls = True


@contextmanager
def direct() -> Iterator[None]:
    """Open connections of this thread directly."""
    token = _direct.set(True)
    try:
        yield
    finally:
        _direct.reset(token)


def is_pooled(settings_dict: dict[str, Any]) -> bool:
    """Return whether this thread's connections go through the pooler."""
    return "POOLED" in settings_dict and _serves_calls and not _direct.get()
