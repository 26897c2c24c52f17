"""Feeds as server-sent events.

A call that opens a feed is served in a thread, as any other, up to the head of its response. The event loop then sends
the stream (`core.rest.asgi`), so that an open stream holds no thread and no database connection.
"""

import asyncio
import json
import logging
import secrets
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from google.protobuf.message import Message

from core import protojson
from core.concurrency.thread_pool import ThreadPool
from core.db.thread_connections import release_connections
from core.errors import Failure, Problem, problem_of
from core.feeds import Event, FeedOver
from core.observability.call_log import Report
from core.rest import problems
from core.streams import STREAMS, Stream

#: The key of a request's scope for what the event loop is to send: a function that sends it, and its stream.
TAKEN_OVER = "tandem.events"
#: Failures of a cursor. The client gets the event `resync` for them and must start without a cursor.
RESYNC = frozenset(("CURSOR_EXPIRED", "EPOCH_CHANGED", "CURSOR_INVALID"))
HEARTBEAT_SECONDS = 15
_BEGIN = b"retry: 2000\n\n"
_HEARTBEAT = b":\n\n"
_BATCH_SIZE = 100
_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
# Random, so that it occurs nowhere else in a message.
_CURSOR_PLACEHOLDER = secrets.token_hex(16)

Send = Callable[[dict[str, Any]], Awaitable[None]]


def answer(request: HttpRequest, stream: Stream, report: Report) -> StreamingHttpResponse:
    """Return the response that sends this stream: from the event loop, or from this thread if there is no loop."""
    report.continues = True
    scope = request.META.get("asgi.scope")
    if scope is None:
        return _ThreadResponse(stream, report)
    scope[TAKEN_OVER] = partial(send_events, stream, report), stream
    return StreamingHttpResponse((), headers=_HEADERS)


class _ThreadResponse(StreamingHttpResponse):
    """A stream that is sent by the thread of its call."""

    def __init__(self, stream: Stream, report: Report) -> None:
        super().__init__(_frames(stream, report), headers=_HEADERS)
        self._stream = stream

    def close(self) -> None:
        super().close()
        # Closing a generator that has not started does not run its `finally`.
        STREAMS.close(self._stream)


def head() -> StreamingHttpResponse:
    """Return the response to HEAD: that of GET, without events."""
    return StreamingHttpResponse((), headers=_HEADERS)


def resync(problem: Problem) -> StreamingHttpResponse:
    """Return the response to an unusable cursor: one event, after which the client starts without a cursor."""
    return StreamingHttpResponse((_resync(problems.document(problem)),), headers=_HEADERS)


def frame(event: Event) -> bytes:
    """Encode one event."""
    before, after = event.payload.encoded(_parts)
    cursor = event.cursor.encode()
    head = b"event: %b\n" % event.name.encode() + (b"id: %b\n" % cursor if cursor else b"")
    return b"".join((head, before, cursor, after))


async def send_events(stream: Stream, report: Report, disconnected: asyncio.Event, send: Send) -> None:
    """Send a stream until it ends or its client disconnects.

    Raises:
        TimeoutError: the client has not read for too long.
    """
    loop, feed, ready = asyncio.get_running_loop(), stream.feed, asyncio.Event()
    report.code = "CANCELLED"
    leaving = asyncio.ensure_future(disconnected.wait())
    try:
        feed.start(lambda: _wake(loop, ready))
        await _write(send, _BEGIN)
        while not disconnected.is_set():
            ready.clear()
            events = await _catch_up(stream) if feed.behind else feed.take(_BATCH_SIZE)
            if events:
                await _write(send, b"".join(map(frame, events)))
                continue
            waiting = asyncio.ensure_future(ready.wait())
            done, _ = await asyncio.wait(
                (waiting, leaving), timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            waiting.cancel()
            if not done:
                await _write(send, _HEARTBEAT)
    except TimeoutError:
        report.code = "STALLED"
        raise
    except FeedOver:
        report.code = "200"
    except Exception as exc:
        await _write(send, _final_event(exc, report))
    finally:
        leaving.cancel()
        STREAMS.close(stream)
        report.end()


@cache
def _catch_up_pool() -> ThreadPool:
    """Return the pool of threads that read the database for streams that are behind, in turns by caller."""
    return ThreadPool("http-catch-up", settings.GRPC_SENDERS, lazy=True, at_rest=release_connections)


async def _catch_up(stream: Stream) -> Sequence[Event]:
    return await asyncio.wrap_future(_catch_up_pool().submit_for(stream.owner, stream.feed.take, _BATCH_SIZE))


def _wake(loop: asyncio.AbstractEventLoop, ready: asyncio.Event) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(ready.set)


async def _write(send: Send, data: bytes) -> None:
    message = {"type": "http.response.body", "body": data, "more_body": True}
    await asyncio.wait_for(send(message), settings.STREAM_STALL_SECONDS)


def _final_event(exc: Exception, report: Report) -> bytes:
    """Report why a stream ends: an event if the client must start without a cursor, otherwise a comment."""
    problem = problem_of(exc)
    report.fail(problem, exc)
    report.code = "200"
    if isinstance(exc, Failure):
        report.level = logging.INFO  # Feeds end with a Failure in normal operation.
    if problem.reason in RESYNC:
        return _resync(problems.document(problem) | {"request_id": report.request_id})
    # A line break, as in an id from the request, would start a new field of the event.
    return f": {problem.reason}: {' '.join(problem.message.splitlines())}\n\n".encode()


def _resync(document: dict[str, Any]) -> bytes:
    return b"event: resync\nid:\ndata: " + json.dumps(document).encode() + b"\n\n"


def _frames(stream: Stream, report: Report) -> Iterator[bytes]:
    ready = threading.Event()
    report.code = "CANCELLED"
    try:
        stream.feed.start(ready.set)
        yield _BEGIN
        while True:
            ready.clear()
            if events := stream.feed.take(_BATCH_SIZE):
                yield from map(frame, events)
            elif not ready.wait(HEARTBEAT_SECONDS):
                yield _HEARTBEAT
    except FeedOver:
        report.code = "200"
    except Exception as exc:
        yield _final_event(exc, report)
    finally:
        STREAMS.close(stream)
        report.end()


def _parts(message: Message) -> tuple[bytes, bytes]:
    """Return the parts of the event's `data` line before and after the cursor."""
    data = protojson.message_bytes(message, cursor=_CURSOR_PLACEHOLDER)
    before, after = data.split(_CURSOR_PLACEHOLDER.encode())
    return b"data: " + before, after + b"\n\n"
