"""The body of a request, however it is framed: every reader of a body reads it here.

WSGI knows only bodies with a `Content-Length`; Django reads a chunked one as empty. Under the web process the pieces
come from the event loop instead (`core.rest.asgi`), which knows where any body ends. Under another WSGI server they
come from `wsgi.input`, to its end where the server promises one (`wsgi.input_terminated`).
"""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

from django.conf import settings

from core.errors import Cancelled, DeadlineExceeded, Failure, Unavailable, UnsupportedMediaType, request_too_large

#: The key of a request's scope for what waits for the next piece of its body; None = the body has ended.
SOURCE = "tandem.body"
#: The key of a request's scope for what has the wait for the next piece raise a failure.
END = "tandem.end"
#: The key of a request's scope for when its head had arrived, on the clock of `time.monotonic`.
ARRIVED = "tandem.arrived"
#: The key of a request's scope for why its body ended early.
CUT = "tandem.cut"
#: The key of an environment for why the body of a page's request was not taken.
REFUSAL = "tandem.refusal"

PIECE_BYTES = 64 * 1024
JSON_TYPE = "application/json"
FORM_TYPE = "multipart/form-data"
OFFSET_TYPE = "application/offset+octet-stream"
LINES_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
#: Bodies that may arrive slowly and be of any length.
UPLOAD_TYPES = (*LINES_TYPES, FORM_TYPE, OFFSET_TYPE)

#: What is answered without sessions, cookies and messages, and reads its body here.
API_PATHS = ("/api/", "/health", "/metrics", "/.well-known/")

Environ = dict[str, Any]


def pieces(environ: Environ, size: int = PIECE_BYTES) -> Iterator[bytes]:
    """Yield the body as it arrives, in pieces of at most `size` bytes.

    Raises:
        Cancelled, DeadlineExceeded, Unavailable: the body ended before its end.
        Failure: the server has ended it (`end`).
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
    """Have the reader of the body raise this failure where it waits for the next piece, now or next; for any thread.

    Called again after a while, it drops the connection of a client that does not read its answer. Under another WSGI
    server than the web process it does nothing.
    """
    end_body: Callable[[Failure], None] | None = environ.get("asgi.scope", {}).get(END)
    if end_body is not None:
        end_body(failure)


def whole(environ: Environ, limit: int) -> bytes:
    """Read the body as one text.

    Raises:
        TooLarge: it has more than `limit` bytes. Of a body that announces it, nothing is read.
        Cancelled, DeadlineExceeded, Unavailable: the body ended before its end.
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
    """Yield the body's lines as they arrive. Of a line with more than `limit` bytes, the rest is dropped.

    Raises:
        Cancelled, DeadlineExceeded, Unavailable: the body ended before its end.
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
        types: the media types that are taken.

    Raises:
        UnsupportedMediaType: it is something else.
        TooLarge, Cancelled, DeadlineExceeded, Unavailable: see `whole`.
    """
    # A type that would be read slowly is refused before anything is read.
    if declared_bytes(environ) or (is_chunked(environ) and content_type in UPLOAD_TYPES):
        _check_type(environ, content_type, types)
    body = whole(environ, settings.MAX_MESSAGE_BYTES)
    if body:
        _check_type(environ, content_type, types)
    return body


def is_api(path: str) -> bool:
    return path.startswith(API_PATHS)


def check_encoding(environ: Environ) -> None:
    """Refuse a compressed body.

    Raises:
        UnsupportedMediaType
    """
    if environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the body as it is, without a Content-Encoding.")


def declared_bytes(environ: Environ) -> int | None:
    """The body's length as the client announces it; None = it is not known before the body ends."""
    text = environ.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdigit() else None


def is_chunked(environ: Environ) -> bool:
    return "HTTP_TRANSFER_ENCODING" in environ


def with_length(application: Callable[..., Any]) -> Callable[..., Any]:
    """Make a WSGI application that reads whole bodies for what knows only bodies with a length: Django's own forms.

    Where a body is not taken, the request has none, and `REFUSAL` in its environment says why.
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
            raise Cancelled(_GONE) from exc
        if not piece:
            break
        if left is not None:
            left -= len(piece)
        yield piece
    if left:
        raise Cancelled(_GONE)


_GONE = "The client went away before its request was whole."


def _check_whole(scope: dict[str, Any]) -> None:
    match scope.get(CUT):
        case "idle":
            raise DeadlineExceeded("The body did not arrive in time.")
        case "full":
            raise Unavailable("The server is busy with other requests; try again in a second.")
        case "gone":
            raise Cancelled(_GONE)
