"""Request bodies of any framing. All code that reads a body uses this module.

WSGI defines only bodies with a `Content-Length`; Django reads a chunked one as empty. In the web process the pieces
therefore come from the event loop (`core.rest.asgi`), which detects the end of any body. Under another WSGI server they
come from `wsgi.input`, up to its end if the server guarantees one (`wsgi.input_terminated`).
"""

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

from django.conf import settings

from core.errors import Cancelled, DeadlineExceeded, Failure, Unavailable, UnsupportedMediaType, request_too_large

#: The key of a request's scope for the function that returns the next piece of its body, or None at the end.
SOURCE = "tandem.body"
#: The key of a request's scope for the function that makes the wait for the next piece raise a failure.
END = "tandem.end"
#: The key of a request's scope for the arrival time of its head, by the clock of `time.monotonic`.
ARRIVED = "tandem.arrived"
#: The key of a request's scope for the reason why its body ended early.
CUT = "tandem.cut"
#: The key of an environment for the exception with which the body of a page's request was refused.
REFUSAL = "tandem.refusal"

PIECE_BYTES = 64 * 1024
JSON_TYPE = "application/json"
FORM_TYPE = "multipart/form-data"
OFFSET_TYPE = "application/offset+octet-stream"
LINES_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
#: Bodies that may arrive slowly and be of any length.
UPLOAD_TYPES = (*LINES_TYPES, FORM_TYPE, OFFSET_TYPE)

#: Paths that are served without sessions, cookies and messages, and read their body here.
API_PATHS = ("/api/", "/health", "/metrics", "/.well-known/")
#: Paths of rpcs over gRPC-Web and Connect (`core.web_rpc`), as `/user.v1.UserService/GetUser`.
RPC_PATH = re.compile(r"/\w+(\.\w+)+/", re.ASCII)

Environ = dict[str, Any]


def pieces(environ: Environ, size: int = PIECE_BYTES) -> Iterator[bytes]:
    """Yield the body as it arrives, in pieces of at most `size` bytes.

    Raises:
        Cancelled, DeadlineExceeded, Unavailable: the body is incomplete.
        Failure: the server has ended the body (`end`).
    """
    source: Callable[[], bytes | None] | None = environ.get("asgi.scope", {}).get(SOURCE)
    if source is None:
        yield from _from_wsgi(environ, size)
        return
    while (piece := source()) is not None:
        for first in range(0, len(piece), size):
            yield piece[first : first + size]
    _check_whole(environ["asgi.scope"])


def end(environ: Environ, failure: Failure) -> None:
    """Make the reader of the body raise this failure at its current or next wait for a piece. May run in any thread.

    If it is called again, and the client has not read its response by then, the connection is dropped. Under a WSGI
    server other than the web process this function has no effect.
    """
    end_body: Callable[[Failure], None] | None = environ.get("asgi.scope", {}).get(END)
    if end_body is not None:
        end_body(failure)


def whole(environ: Environ, limit: int) -> bytes:
    """Read the whole body.

    Raises:
        TooLarge: it has more than `limit` bytes. A body whose Content-Length exceeds the limit is not read at all.
        Cancelled, DeadlineExceeded, Unavailable: the body is incomplete.
    """
    if (declared_bytes(environ) or 0) > limit:
        raise request_too_large(limit)
    body = bytearray()
    for piece in pieces(environ):
        body += piece
        if len(body) > limit:
            raise request_too_large(limit)
    return bytes(body)


def lines(environ: Environ, limit: int) -> Iterator[bytes]:
    """Yield the body's lines as they arrive. A longer line is cut after `limit` + 1 bytes.

    Raises:
        Cancelled, DeadlineExceeded, Unavailable: the body is incomplete.
    """
    rest = bytearray()
    for piece in pieces(environ):
        *ended, last = piece.split(b"\n")
        for part in ended:
            rest += part[: limit + 1 - len(rest)]
            yield bytes(rest)
            rest.clear()
        rest += last[: limit + 1 - len(rest)]
    yield bytes(rest)


def json_text(environ: Environ, content_type: str, types: tuple[str, ...] = (JSON_TYPE,)) -> bytes:
    """Read the body of a unary call, which is JSON or empty.

    Args:
        types: the accepted media types.

    Raises:
        UnsupportedMediaType: the body has another type.
        TooLarge, Cancelled, DeadlineExceeded, Unavailable: see `whole`.
    """
    # An upload type, which may arrive slowly, is refused before anything is read.
    if declared_bytes(environ) or (is_chunked(environ) and content_type in UPLOAD_TYPES):
        _check_type(environ, content_type, types)
    body = whole(environ, settings.MAX_MESSAGE_BYTES)
    if body:
        _check_type(environ, content_type, types)
    return body


def is_api(path: str) -> bool:
    return path.startswith(API_PATHS) or RPC_PATH.match(path) is not None


def check_encoding(environ: Environ) -> None:
    """Refuse a compressed body.

    Raises:
        UnsupportedMediaType
    """
    if environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the body uncompressed, without a Content-Encoding.")


def declared_bytes(environ: Environ) -> int | None:
    """Return the body's length by its Content-Length; None = unknown until the body ends."""
    text = environ.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdigit() else None


def is_chunked(environ: Environ) -> bool:
    return "HTTP_TRANSFER_ENCODING" in environ


def with_length(application: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a WSGI application that needs bodies with a length (Django's forms): read the whole body for it.

    A body that is refused is left out, and `REFUSAL` in the environment holds the exception.
    """

    def run(environ: Environ, start_response: Any) -> Any:
        if (declared_bytes(environ) or is_chunked(environ)) and not is_api(environ.get("PATH_INFO", "")):
            body = b""
            try:
                body = whole(environ, settings.MAX_MESSAGE_BYTES)
            except Failure as exc:
                environ[REFUSAL] = exc
            environ["CONTENT_LENGTH"] = str(len(body))
            environ["wsgi.input"] = BytesIO(body)
        return application(environ, start_response)

    return run


def _check_type(environ: Environ, content_type: str, types: tuple[str, ...]) -> None:
    check_encoding(environ)
    if content_type not in types:
        patches = environ["REQUEST_METHOD"] == "PATCH"
        raise UnsupportedMediaType(f"Send the body as {types[0]}.", accepted=types, patches=patches)


def _from_wsgi(environ: Environ, size: int) -> Iterator[bytes]:
    source, left = environ.get("wsgi.input"), declared_bytes(environ)
    if left is None and not environ.get("wsgi.input_terminated"):
        return
    while left is None or left > 0:
        try:
            piece: bytes = source.read(size if left is None else min(size, left)) if source else b""
        except OSError as exc:
            raise Cancelled(_DISCONNECTED) from exc
        if not piece:
            break
        if left is not None:
            left -= len(piece)
        yield piece
    if left:
        raise Cancelled(_DISCONNECTED)


_DISCONNECTED = "The client disconnected before the request was complete."


def _check_whole(scope: dict[str, Any]) -> None:
    match scope.get(CUT):
        case "idle":
            raise DeadlineExceeded("The body did not arrive in time.")
        case "full":
            raise Unavailable("The server is busy with other requests; try again in a second.")
        case "gone":
            raise Cancelled(_DISCONNECTED)
