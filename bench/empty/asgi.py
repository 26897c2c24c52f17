"""A WSGI application that does nothing, served as the product's is (see `config.asgi`)."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from a2wsgi import WSGIMiddleware


def nothing(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]


application = WSGIMiddleware(nothing, workers=int(os.environ.get("HTTP_THREADS", "8")))
