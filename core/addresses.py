"""Network addresses of callers, and of the interfaces that the server listens on."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

#: IPv6 networks whose addresses are IPv4 addresses (in their last 32 bits): mapped (RFC 4291), translated (RFC 6052,
#: NAT64), and the older form of translated (RFC 2765).
_OF_IPV4 = tuple(map(IPv6Network, ("::ffff:0:0/96", "64:ff9b::/96", "::ffff:0:0:0/96")))
_MAPPED = _OF_IPV4[0]
#: RFC 7239 section 6: a node is an address, IPv6 in brackets, and may have a port, a number or an obfuscated one.
_NODE = re.compile(r"(?:(?P<v4>[0-9.]+)|\[(?P<v6>[^\]]+)\])(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]{1,64}))?")
#: No spelling of an address with its port is longer; a longer text is not parsed.
_MAX_LENGTH = 160


@lru_cache(maxsize=4096)  # Each call asks for the address of its peer, which is the same on the whole connection.
def canonical(text: str) -> str:
    """Return the address in its canonical form: without port, quotes and zone; IPv4 that is mapped to IPv6 as IPv4.

    Returns:
        Empty if the text is not an address.
    """
    text = text.strip().strip('"').strip()
    if not text or len(text) > _MAX_LENGTH:
        return ""
    if match := _NODE.fullmatch(text):
        text = match["v4"] or match["v6"]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address in _MAPPED:
        return str(_ipv4_in(address))
    return str(address)


def client_address(peer: str, forwarded_for: str | Iterable[str] | None, trusted_proxies: int) -> str:
    """Return the caller's network address in its canonical form, for limits and sessions.

    Args:
        peer: the address at the other end of the connection.
        forwarded_for: the lines of `X-Forwarded-For` as received. Any client can send them, so only the entries count
            that the trusted proxies have added.
        trusted_proxies: how many proxies in front of this transport add to it.

    Returns:
        The peer's address if the entry is missing or not an address; empty for a Unix socket.
    """
    if trusted_proxies > 0 and forwarded_for:
        lines = (forwarded_for,) if isinstance(forwarded_for, str) else forwarded_for
        # Empty elements of a list are ignored (RFC 9110 section 5.6.1).
        entries = [entry for line in lines for entry in map(str.strip, line.split(",")) if entry]
        if entries and (named := canonical(entries[-trusted_proxies:][0])):
            return named
    return canonical(peer)


def http_client_address(headers: Mapping[str, Any]) -> str:
    """Return the caller's network address of an HTTP request.

    Args:
        headers: as in WSGI's environment or Django's `request.META`.
    """
    return client_address(headers.get("REMOTE_ADDR", ""), headers.get("HTTP_X_FORWARDED_FOR"), settings.TRUSTED_PROXIES)


def caller_key(address: str) -> str:
    """Return the key of an address in limits: an IPv4 address itself, the /64 of an IPv6 address.

    One customer has a /64 at least, so without this each of its addresses would be a new caller. An address that
    represents an IPv4 address (translated by NAT64, or 6to4, where each IPv4 address has 65,536 networks) counts as
    that.

    Args:
        address: as `client_address` returns it.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if (embedded := _ipv4_in(parsed)) is not None:
        return str(embedded)
    return str(IPv6Network((int(parsed) >> 64 << 64, 64)))


def _ipv4_in(address: IPv6Address) -> IPv4Address | None:
    if any(address in network for network in _OF_IPV4):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour


def check_development_identity(host: str) -> None:
    """Reject a configuration that serves the development identity to other machines.

    Args:
        host: the address to listen on.

    Raises:
        ImproperlyConfigured: DEV_AUTH_AS is set, and other machines can reach the address.
    """
    if settings.DEV_AUTH_AS and not settings.DEV_AUTH_PUBLISHED_ON_LOOPBACK and not is_loopback(host):
        raise ImproperlyConfigured(
            f"DEV_AUTH_AS lets every client that reaches this server act as {settings.DEV_AUTH_AS}: listen on "
            "127.0.0.1, or unset it."
        )


def is_loopback(host: str) -> bool:
    """Return whether `host`, an address or a name, is this machine's loopback interface."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
