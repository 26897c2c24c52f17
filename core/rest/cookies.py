"""Cookies that hold secrets."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.addresses import is_loopback


def set_secret(
    request: HttpRequest, response: HttpResponseBase, name: str, value: str, *, path: str, seconds: int
) -> None:
    """Set a cookie that no script can read and no other site causes to be sent. An empty value deletes it."""
    response.set_cookie(
        name,
        value,
        max_age=seconds if value else 0,
        path=path,
        secure=not _is_local_development(request),
        httponly=True,
        samesite="Strict",
    )


def _is_local_development(request: HttpRequest) -> bool:
    """Return whether the request came to a development server at a loopback address, where there is no HTTPS."""
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    return settings.DEBUG and is_loopback(host) and not request.is_secure()
