"""A WSGI application that does nothing, served in the same way as the product's (see `config.asgi`)."""

from collections.abc import Callable, Iterable
from typing import Any

from a2wsgi import WSGIMiddleware
from django.conf import settings


def nothing(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]


application = WSGIMiddleware(nothing, workers=settings.HTTP_THREADS)
