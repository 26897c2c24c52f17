"""Feeds as server-sent events."""

import json
import secrets
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from google.protobuf.message import Message

from core import protojson
from core.errors import Problem
from core.feeds import Event
from core.observability.call_log import Report
from core.rest import feed_responses, problems
from core.streams import Stream

#: Failures of a cursor. The client gets the event `resync` for them and must start without a cursor.
RESYNC = frozenset(("CURSOR_EXPIRED", "EPOCH_CHANGED", "CURSOR_INVALID"))
_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
# Random, so that it occurs nowhere else in a message.
_CURSOR_PLACEHOLDER = secrets.token_hex(16)


def answer(request: HttpRequest, stream: Stream, report: Report) -> StreamingHttpResponse:
    """Return the response that sends this stream."""
    return feed_responses.answer(request, stream, report, _ServerSentEvents(), _HEADERS)


def head() -> StreamingHttpResponse:
    """Return the response to HEAD: that of GET, without events."""
    return StreamingHttpResponse((), headers=_HEADERS)


def resync(problem: Problem) -> StreamingHttpResponse:
    """Return the response to an unusable cursor: one event, after which the client starts without a cursor."""
    return StreamingHttpResponse((_resync(problems.document(problem)),), headers=_HEADERS)


class _ServerSentEvents:
    """The form of a stream (`feed_responses.Form`)."""

    begin = b"retry: 2000\n\n"
    heartbeat = b":\n\n"

    def frame(self, event: Event) -> bytes:
        before, after = event.payload.encoded(_parts)
        cursor = event.cursor.encode()
        head = b"event: %b\n" % event.name.encode() + (b"id: %b\n" % cursor if cursor else b"")
        return b"".join((head, before, cursor, after))

    def end(self, problem: Problem | None, report: Report) -> bytes:
        """Report why the stream ends: an event if the client must start without a cursor, otherwise a comment."""
        report.code = "200"
        if problem is None:
            return b""
        if problem.reason in RESYNC:
            return _resync(problems.document(problem) | {"request_id": report.request_id})
        # A line break, as in an id from the request, would start a new field of the event.
        return f": {problem.reason}: {' '.join(problem.message.splitlines())}\n\n".encode()


def _resync(document: dict[str, Any]) -> bytes:
    return b"event: resync\nid:\ndata: " + json.dumps(document).encode() + b"\n\n"


def _parts(message: Message) -> tuple[bytes, bytes]:
    """Return the parts of the event's `data` line before and after the cursor."""
    data = protojson.message_bytes(message, cursor=_CURSOR_PLACEHOLDER)
    before, after = data.split(_CURSOR_PLACEHOLDER.encode())
    return b"data: " + before, after + b"\n\n"
