"""Feeds as server-sent events.

A call that opens a feed is served like any other, in a thread, as far as the head of its answer. Then the event loop
takes it over (`core.rest.asgi`), so that an open stream holds no thread and no database connection.
"""

import asyncio
import json as stdlib_json
import logging
import secrets
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import cache
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

#: Where a request's scope takes the stream that the event loop is to go on with.
TAKEN_OVER = "tandem.events"
#: What a client is told instead of events when its cursor will not do: that it must begin anew.
RESYNC = frozenset(("CURSOR_EXPIRED", "EPOCH_CHANGED", "CURSOR_INVALID"))
HEARTBEAT_SECONDS = 15
_BEGIN = b"retry: 2000\n\n"
_HEARTBEAT = b":\n\n"
_BATCH_SIZE = 100
_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
# Nobody can guess it, so it stands nowhere else in a message.
_CURSOR_STANDS_HERE = secrets.token_hex(16)

Send = Callable[[dict[str, Any]], Awaitable[None]]


def answer(request: HttpRequest, stream: Stream, report: Report) -> StreamingHttpResponse:
    """The answer that sends this stream: by the event loop, or by this thread where there is none."""
    report.continues = True
    scope = request.META.get("asgi.scope")
    if scope is None:
        response = StreamingHttpResponse(_sent_by_thread(stream, report), headers=_HEADERS)
        # A generator that was never asked for anything would not know that it is closed.
        response._resource_closers.append(lambda: STREAMS.close(stream))  # type: ignore[attr-defined]
        return response
    scope[TAKEN_OVER] = stream, report
    return StreamingHttpResponse((), headers=_HEADERS)


def head() -> StreamingHttpResponse:
    """The answer to HEAD: that of GET, without an event."""
    return StreamingHttpResponse((), headers=_HEADERS)


def resync(problem: Problem) -> StreamingHttpResponse:
    """The answer to a cursor that will not do: one event, after which the client begins without."""
    return StreamingHttpResponse((_resync(problems.document(problem)),), headers=_HEADERS)


def frame(event: Event) -> bytes:
    """One event as it is sent."""
    before, after = event.payload.encoded(_parts)
    cursor = event.cursor.encode()
    head = b"event: %b\n" % event.name.encode() + (b"id: %b\n" % cursor if cursor else b"")
    return b"".join((head, before, cursor, after))


async def send_events(stream: Stream, report: Report, gone: asyncio.Event, send: Send) -> None:
    """Sends a stream until it ends, its client is gone, or has not read for too long."""
    loop, feed, ready = asyncio.get_running_loop(), stream.feed, asyncio.Event()
    report.code = "CANCELLED"
    leaving = asyncio.ensure_future(gone.wait())
    try:
        feed.start(lambda: _wake(loop, ready))
        await _write(send, _BEGIN)
        while not gone.is_set():
            ready.clear()
            events = await _caught_up(stream) if feed.behind else feed.take(_BATCH_SIZE)
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
        await _write(send, _last_words(exc, report))
    finally:
        leaving.cancel()
        STREAMS.close(stream)
        report.end()


@cache
def _catching_up() -> ThreadPool:
    """The threads that read the database for who is behind, in turns by caller."""
    return ThreadPool("http-catch-up", settings.GRPC_SENDERS, lazy=True, at_rest=release_connections)


async def _caught_up(stream: Stream) -> Sequence[Event]:
    return await asyncio.wrap_future(_catching_up().submit_for(stream.owner, stream.feed.take, _BATCH_SIZE))


def _wake(loop: asyncio.AbstractEventLoop, ready: asyncio.Event) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(ready.set)


async def _write(send: Send, data: bytes) -> None:
    message = {"type": "http.response.body", "body": data, "more_body": True}
    await asyncio.wait_for(send(message), settings.STREAM_STALL_SECONDS)


def _last_words(exc: Exception, report: Report) -> bytes:
    """Why a stream ends: an event if the client must begin anew, otherwise a comment; it just connects again."""
    problem = problem_of(exc)
    report.fail(problem, exc)
    report.code = "200"
    if isinstance(exc, Failure):
        report.level = logging.INFO  # That is how feeds end.
    if problem.reason in RESYNC:
        return _resync(problems.document(problem) | {"request_id": report.request_id})
    # A line break, such as one in an id that the caller sent, would begin a field of an event.
    return f": {problem.reason}: {' '.join(problem.message.splitlines())}\n\n".encode()


def _resync(document: dict[str, Any]) -> bytes:
    return b"event: resync\nid:\ndata: " + stdlib_json.dumps(document).encode() + b"\n\n"


def _sent_by_thread(stream: Stream, report: Report) -> Iterator[bytes]:
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
        yield _last_words(exc, report)
    finally:
        STREAMS.close(stream)
        report.end()


def _parts(message: Message) -> tuple[bytes, bytes]:
    """The event's `data` line before and after the cursor."""
    data = protojson.message_bytes(message, cursor=_CURSOR_STANDS_HERE)
    before, after = data.split(_CURSOR_STANDS_HERE.encode())
    return b"data: " + before, after + b"\n\n"
