"""Files over HTTP: answers with ranges and tags, sent by the event loop.

A thread serves the call up to the head of its answer. Then the event loop sends the file, and threads of their own pool
read it piece by piece, so that a slow client holds neither a thread nor a database connection.
"""

import asyncio
import re
import unicodedata
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from core.concurrency.thread_pool import ThreadPool
from core.db.thread_connections import release_connections
from core.downloads import Download
from core.errors import problem_of
from core.execution import open_stream
from core.observability.call_log import Report
from core.operations import Call
from core.rest import feed_responses, ranges
from core.rest.conditional import PRIVATE, is_known
from core.rest.ranges import Part
from core.streams import STREAMS, Stream
from core.texts import printable

Send = Callable[[dict[str, Any]], Awaitable[None]]

_MAX_NAME_LENGTH = 80


class Interrupted(Exception):
    """A file could not be sent to its end: the connection must not look as if it had been."""


def answer(call: Call, request: HttpRequest, message: Any) -> HttpResponseBase:
    """Answer a call of an operation that answers a file.

    Raises:
        RangeNotSatisfiable, Stale
        Exception: as the operation's handler raises, or a missing file.
    """
    report: Report = request.report  # type: ignore[attr-defined]
    with STREAMS.place(call) as open_with:
        download: Download = open_stream(call, message)
        etag, size = f'"{download.metadata.sha256}"', download.metadata.size
        headers = {"ETag": etag, "Cache-Control": PRIVATE, "Accept-Ranges": "bytes"}
        ranges.check_if_match(request, etag)
        if is_known(request, etag):
            response: HttpResponseBase = HttpResponseNotModified(headers=headers)
        else:
            part = ranges.requested_part(request, etag, size)
            headers |= _entity_headers(download, part or Part(0, size))
            if part is not None:
                download.select(*part)
                headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{size}"
            download.read_ahead()
            if request.method == "HEAD":
                download.close()
                response = HttpResponse(headers=headers)
            else:
                response = _body(request, open_with(download, None), report, 206 if part else 200, headers)
    patch_vary_headers(response, ["Authorization"])
    return response


def attachment(stem: str, extension: str, fallback: str) -> str:
    """Return the `Content-Disposition` of a file with this name (RFC 6266, with RFC 8187 for other scripts).

    Args:
        fallback: the name if nothing of `stem` can be shown; in ASCII.
    """
    ending = f".{extension}" if extension else ""
    name = f"{_file_name(stem) or fallback}{ending}"
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().removesuffix(ending)
    # Little or nothing may remain of a name in another script.
    plain = f"{plain if plain and _file_name(plain) == plain else fallback}{ending}"
    value = f'attachment; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"


def _file_name(text: str) -> str:
    """Return a file name that is valid in all common file systems; empty if nothing remains."""
    name = " ".join(re.sub(r'[\\/:*?"<>|%;]+', " ", printable(text)).split()).strip(". ")
    # The length is limited in UTF-8, too.
    name = name[:_MAX_NAME_LENGTH].encode()[: 2 * _MAX_NAME_LENGTH].decode(errors="ignore").strip(". ")
    reserved = re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name, re.IGNORECASE)
    return f"_{name}" if reserved else name


def _entity_headers(download: Download, part: Part) -> dict[str, str]:
    stem, dot, extension = download.metadata.filename.rpartition(".")
    if not dot or not re.fullmatch(r"[A-Za-z0-9]{1,10}", extension):
        stem, extension = download.metadata.filename, ""
    return {
        "Content-Type": download.metadata.content_type,
        "Content-Length": str(part.end - part.start),
        "Content-Disposition": attachment(stem, extension, "recording"),
        "X-Content-Type-Options": "nosniff",
        "X-Accel-Buffering": "no",
    }


def _body(
    request: HttpRequest, stream: Stream, report: Report, status: int, headers: Mapping[str, str]
) -> StreamingHttpResponse:
    report.continues = True
    scope = request.META.get("asgi.scope")
    if scope is None:
        return _ThreadResponse(stream, report, status, headers)
    scope[feed_responses.TAKEN_OVER] = partial(send_file, stream, report, str(status)), stream
    return StreamingHttpResponse((), status=status, headers=headers)


async def send_file(stream: Stream, report: Report, code: str, disconnected: asyncio.Event, send: Send) -> None:
    """Send a file until it ends or its client disconnects.

    Raises:
        TimeoutError: the client has not read for too long.
        Interrupted: the rest of the file cannot be sent.
    """
    report.code = "CANCELLED"
    try:
        while not disconnected.is_set():
            data = await asyncio.wrap_future(_pool().submit_for(stream.owner, stream.feed.read))  # type: ignore[attr-defined]
            if not data:
                report.code = code
                return
            message = {"type": "http.response.body", "body": data, "more_body": True}
            await asyncio.wait_for(send(message), settings.STREAM_STALL_SECONDS)
    except TimeoutError:
        report.code = "STALLED"
        raise
    except Exception as exc:
        report.fail(problem_of(exc), exc)
        raise Interrupted from exc
    finally:
        STREAMS.close(stream)
        report.end()


@cache
def _pool() -> ThreadPool:
    """Return the threads that read files, in turns by caller."""
    return ThreadPool("http-files", settings.GRPC_SENDERS, lazy=True, at_rest=release_connections)


class _ThreadResponse(StreamingHttpResponse):
    """A file that is sent by the thread of its call, where there is no event loop."""

    def __init__(self, stream: Stream, report: Report, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(_pieces(stream, report, str(status)), status=status, headers=headers)
        self._stream = stream

    def close(self) -> None:
        super().close()
        # Closing a generator that has not started does not run its `finally`.
        STREAMS.close(self._stream)


def _pieces(stream: Stream, report: Report, code: str) -> Iterator[bytes]:
    report.code = "CANCELLED"
    try:
        yield from iter(stream.feed.read, b"")  # type: ignore[attr-defined]
        report.code = code
    finally:
        STREAMS.close(stream)
        report.end()
