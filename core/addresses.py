"""Where a call comes from."""

from django.conf import settings


def client_address(peer: str, forwarded_for: str | None) -> str:
    """The caller's network address, for limits and sessions.

    Args:
        peer: the address at the other end of the connection.
        forwarded_for: `X-Forwarded-For` as it was sent. Anyone can send it, so of its entries only those count that
            the `TRUSTED_PROXIES` in front of us have added.
    """
    entries = [entry.strip() for entry in (forwarded_for or "").split(",") if entry.strip()]
    if settings.TRUSTED_PROXIES and entries:
        return entries[-settings.TRUSTED_PROXIES :][0]
    return peer
