"""Origins of web pages (RFC 6454), normalized for comparison."""

import ipaddress
import re
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9._~-]+")


def normalized(origin: str) -> str | None:
    """Normalize an origin: scheme and host in lower case, without a default port or the host's last dot.

    Returns:
        None if it is not the origin of one host, as `null`.
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
    """Normalize an entry of `CORS_ALLOWED_ORIGINS`.

    Raises:
        ImproperlyConfigured: it is not a valid origin.
    """
    normal_form = normalized(origin.strip())
    if normal_form is None:
        raise ImproperlyConfigured(
            f"CORS_ALLOWED_ORIGINS: {origin!r} is not a valid origin. Write it as https://app.example.com, "
            "with its scheme, its host, and its port unless that is the default."
        )
    return normal_form


def _host(netloc: str) -> str:
    """Normalize the host of a URL.

    Raises:
        ValueError: it is not a host name or an address.
    """
    if netloc.startswith("["):
        return f"[{ipaddress.IPv6Address(netloc[1 : netloc.index(']')])}]"
    host = netloc.partition(":")[0].lower().removesuffix(".")
    if host and not _HOST.fullmatch(host):
        raise ValueError(host)
    return host
