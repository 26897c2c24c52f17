"""Streams of messages over HTTP: a line of JSON for each (NDJSON), in and out."""

import json as stdlib_json
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, StreamingHttpResponse
from django.http.request import UnreadablePostError
from google.protobuf.message import Message

from core.database.hygiene import connected
from core.errors import Cancelled, DeadlineExceeded, TooLarge, UnsupportedMediaType, problem_of
from core.operations import Operation
from core.reporting import Report
from core.rest import json, problems

#: What the scope of a request says when its body was cut off (see `core.rest.server`).
CUT = "tandem.cut"
_TYPE = "application/x-ndjson"
_TYPES = (_TYPE, "application/ndjson", "application/jsonl")
_ARRAY = "application/json"


def messages(operation: Operation, request: HttpRequest) -> Iterator[Message | ValidationError]:
    """The messages of a body, as they arrive; in place of one that cannot be read, why.

    Raises:
        UnsupportedMediaType: the body is neither lines of JSON nor a JSON array.
        TooLarge, DeadlineExceeded, Cancelled: the body cannot be read to its end.
    """
    if request.META.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
        raise UnsupportedMediaType("Send the body as it is, without a Content-Encoding.")
    if request.content_type == _ARRAY:
        return _of_array(operation, request)
    if request.content_type not in _TYPES:
        raise UnsupportedMediaType(f"Send the body as {_TYPE}: a line of JSON for each message.")
    return (json.read_item(operation, line) for line in _lines(request) if line.strip())


def answer(responses: Iterator[Message], report: Report) -> StreamingHttpResponse:
    """The answer that sends each response as soon as there is one."""
    report.continues = True
    return StreamingHttpResponse(
        _written(responses, report),
        content_type=_TYPE,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _written(responses: Iterator[Message], report: Report) -> Iterator[bytes]:
    report.code = "CANCELLED"
    try:
        with connected():
            for response in responses:
                yield json.message_bytes(response) + b"\n"
        report.code = "200"
    except Exception as exc:  # The status is sent long since: the last line tells.
        problem = problem_of(exc)
        report.fail(problem, exc)
        report.code = str(problem.kind.http_status)
        yield stdlib_json.dumps(problems.document(problem)).encode() + b"\n"
    finally:
        report.end()


def _of_array(operation: Operation, request: HttpRequest) -> Iterator[Message | ValidationError]:
    body = bytearray()
    for chunk in body_chunks(request, 1 << 16):
        body += chunk
        if len(body) > settings.MAX_REQUEST_BYTES:
            raise TooLarge(f"A JSON array may have 50 MB; send more as {_TYPE}.")
    return json.read_items(operation, bytes(body))


def _lines(request: HttpRequest) -> Iterator[bytes]:
    """The body's lines. They are taken from the server itself: Django knows no body of unknown length."""
    if "asgi.scope" not in request.META:
        yield from _whole(request)
        return
    body = request.META["wsgi.input"]
    while line := body.readline():
        if not line.endswith(b"\n"):
            check_whole(request)
        yield line
    check_whole(request)


def _whole(request: HttpRequest) -> Iterator[bytes]:
    rest = b""
    for chunk in body_chunks(request, 1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    yield rest


def body_chunks(request: HttpRequest, size: int) -> Iterator[bytes]:
    """The body as it arrives, in pieces of at most this size."""
    source: Any = request.META["wsgi.input"] if "asgi.scope" in request.META else request
    try:
        while chunk := source.read(size):
            yield chunk
    except UnreadablePostError as exc:
        raise Cancelled("The client went away before its request was whole.") from exc
    check_whole(request)


def check_whole(request: HttpRequest) -> None:
    """Raises why a body ended before its end, if it did."""
    match request.META.get("asgi.scope", {}).get(CUT):
        case "idle":
            raise DeadlineExceeded("Nothing came for too long.")
        case "long":
            raise TooLarge("A line is longer than 50 MB.")
        case "gone":
            raise Cancelled("The client went away before its request was whole.")
