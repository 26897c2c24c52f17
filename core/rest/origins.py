"""Origins of web pages (RFC 6454): one spelling for each, to compare them by."""

import ipaddress
import re
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9._~-]+")


def normalized(origin: str) -> str | None:
    """The one spelling of an origin: scheme and host in lower case, without a default port or the host's last dot.

    Returns:
        None where it is no origin of one host, as `null` is none.
    """
    if not origin.isascii() or any(character in origin for character in "@?#\\ \t\r\n"):
        return None
    try:
        parts = urlsplit(origin)
        port = parts.port
        host = _host(parts.netloc)
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if not (scheme and host) or parts.path not in ("", "/"):
        return None
    return f"{scheme}://{host}" + ("" if port in (None, _DEFAULT_PORTS.get(scheme)) else f":{port}")


def allowed_origin(origin: str) -> str:
    """An entry of `CORS_ALLOWED_ORIGINS` in its one spelling.

    Raises:
        ImproperlyConfigured: it is no origin.
    """
    found = normalized(origin.strip())
    if found is None:
        raise ImproperlyConfigured(
            f"CORS_ALLOWED_ORIGINS: {origin!r} is no origin; write scheme, host and port, as in https://app.example.com."
        )
    return found


def _host(netloc: str) -> str:
    """
    Raises:
        ValueError
    """
    if netloc.startswith("["):
        return f"[{ipaddress.IPv6Address(netloc[1 : netloc.index(']')])}]"
    host = netloc.partition(":")[0].lower().removesuffix(".")
    if host and not _HOST.fullmatch(host):
        raise ValueError(host)
    return host
