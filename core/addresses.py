"""Where calls come from, and who can reach what is served."""

from ipaddress import ip_address

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


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


def check_development_identity(host: str) -> None:
    """Refuses to serve the development identity to others than this machine.

    Args:
        host: the address that is going to be listened on.

    Raises:
        ImproperlyConfigured: DEV_AUTH_AS is set, and the address can be reached from outside.
    """
    if settings.DEV_AUTH_AS and not settings.DEV_AUTH_PUBLISHED_ON_LOOPBACK and not _is_loopback(host):
        raise ImproperlyConfigured(
            f"DEV_AUTH_AS lets everyone who reaches this server act as {settings.DEV_AUTH_AS}: listen on 127.0.0.1, or "
            "unset it."
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
