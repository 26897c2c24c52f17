"""Credentials that this process has verified."""

from core import auth


def forget_credentials() -> None:
    """Have each credential verified again at its next call, as after the time that `core.auth` keeps it."""
    with auth._lock:  # noqa: SLF001  # Only tests forget those of all users at once.
        auth._cache.clear()  # noqa: SLF001
