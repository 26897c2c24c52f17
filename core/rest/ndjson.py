"""Streams of messages over HTTP in both directions, one line of JSON for each message (NDJSON)."""

import json
from codecs import BOM_UTF8
from collections.abc import Iterator

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, StreamingHttpResponse
from google.protobuf.message import Message

from core import protojson
from core.db.thread_connections import fresh_connections
from core.errors import UnsupportedMediaType, message_too_large, problem_of
from core.observability.call_log import Report
from core.operations import Operation
from core.rest import bodies, problems

_TYPE = bodies.LINES_TYPES[0]


def messages(operation: Operation, request: HttpRequest) -> Iterator[Message | ValidationError]:
    """Yield the messages of a body as they arrive, and the error in place of an invalid one.

    Raises:
        UnsupportedMediaType: the body is neither lines of JSON nor a JSON array.
        TooLarge, DeadlineExceeded, Cancelled: the body is too large or incomplete.
    """
    bodies.check_encoding(request.META)
    if request.content_type == bodies.JSON_TYPE:
        body = bodies.whole(request.META, settings.MAX_REQUEST_BYTES)
        return protojson.read_items(operation, body, settings.MAX_MESSAGE_BYTES)
    if request.content_type not in bodies.LINES_TYPES:
        raise UnsupportedMediaType(
            f"Send the body as {_TYPE}: a line of JSON for each message.", accepted=[_TYPE, bodies.JSON_TYPE]
        )
    return (_message(operation, line) for line in _lines(request) if line.strip())


def _lines(request: HttpRequest) -> Iterator[bytes]:
    lines = bodies.lines(request.META, settings.MAX_MESSAGE_BYTES)
    yield next(lines).removeprefix(BOM_UTF8)
    yield from lines


def _message(operation: Operation, line: bytes) -> Message | ValidationError:
    if len(line) > settings.MAX_MESSAGE_BYTES:
        return message_too_large(settings.MAX_MESSAGE_BYTES)
    return protojson.read_item(operation, line)


def answer(responses: Iterator[Message], report: Report) -> StreamingHttpResponse:
    """Return the HTTP response that sends each message as soon as it is available."""
    report.continues = True
    return StreamingHttpResponse(
        _encode_lines(responses, report),
        content_type=_TYPE,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _encode_lines(responses: Iterator[Message], report: Report) -> Iterator[bytes]:
    report.code = "CANCELLED"
    try:
        with fresh_connections():
            for response in responses:
                yield protojson.message_bytes(response) + b"\n"
        report.code = "200"
    except Exception as exc:  # The status has been sent already, so the last line reports the failure.
        problem = problem_of(exc)
        report.fail(problem, exc)
        report.code = str(problem.spec.http_status)
        yield json.dumps(problems.document(problem)).encode() + b"\n"
    finally:
        report.end()
