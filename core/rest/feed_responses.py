"""Responses that send a feed, in the form of a protocol (server-sent events; the frames of gRPC-Web and Connect).

A call that opens a feed is served in a thread, as any other, up to the head of its response. The event loop then sends
the stream (`core.rest.asgi`), so that an open stream holds no thread and no database connection.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, Protocol

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse

from core.concurrency.thread_pool import ThreadPool
from core.db.thread_connections import release_connections
from core.errors import Failure, Problem, problem_of
from core.feeds import Event, FeedOver
from core.observability.call_log import Report
from core.streams import STREAMS, Stream

#: The key of a request's scope for what the event loop is to send: a function that sends it, and its stream.
TAKEN_OVER = "tandem.events"
HEARTBEAT_SECONDS = 15
_BATCH_SIZE = 100

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Form(Protocol):
    """The form in which one stream is sent.

    Attributes:
        begin: sent at once; may be empty.
        heartbeat: sent while there are no events; empty = nothing is sent.
    """

    begin: bytes
    heartbeat: bytes

    def frame(self, event: Event) -> bytes:
        """Return one event."""

    def end(self, problem: Problem | None, report: Report) -> bytes:
        """Return the last bytes of the stream, and set the report's code. Its failure is set already.

        Args:
            problem: why the stream ends; None = there are no more events.
        """


def answer(
    request: HttpRequest, stream: Stream, report: Report, form: Form, headers: Mapping[str, str]
) -> StreamingHttpResponse:
    """Return the response that sends this stream: from the event loop, or from this thread if there is no loop."""
    report.continues = True
    scope = request.META.get("asgi.scope")
    if scope is None:
        return _ThreadResponse(stream, report, form, headers)
    scope[TAKEN_OVER] = partial(send_events, stream, report, form), stream
    return StreamingHttpResponse((), headers=headers)


class _ThreadResponse(StreamingHttpResponse):
    """A stream that is sent by the thread of its call."""

    def __init__(self, stream: Stream, report: Report, form: Form, headers: Mapping[str, str]) -> None:
        super().__init__(_frames(stream, report, form), headers=headers)
        self._stream = stream

    def close(self) -> None:
        super().close()
        # Closing a generator that has not started does not run its `finally`.
        STREAMS.close(self._stream)


async def send_events(stream: Stream, report: Report, form: Form, disconnected: asyncio.Event, send: Send) -> None:
    """Send a stream until it ends or its client disconnects.

    Raises:
        TimeoutError: the client has not read for too long.
    """
    loop, feed, ready = asyncio.get_running_loop(), stream.feed, asyncio.Event()
    report.code = "CANCELLED"
    leaving = asyncio.ensure_future(disconnected.wait())
    try:
        feed.start(lambda: _wake(loop, ready))
        await _write(send, form.begin)
        while not disconnected.is_set():
            ready.clear()
            events = await _catch_up(stream) if feed.behind else feed.take(_BATCH_SIZE)
            if events:
                await _write(send, b"".join(map(form.frame, events)))
                continue
            waiting = asyncio.ensure_future(ready.wait())
            done, _ = await asyncio.wait(
                (waiting, leaving), timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            waiting.cancel()
            if not done:
                await _write(send, form.heartbeat)
    except TimeoutError:
        report.code = "STALLED"
        raise
    except Exception as exc:
        await _write(send, _end(form, exc, report))
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
    if data:
        message = {"type": "http.response.body", "body": data, "more_body": True}
        await asyncio.wait_for(send(message), settings.STREAM_STALL_SECONDS)


def _end(form: Form, exc: Exception, report: Report) -> bytes:
    if isinstance(exc, FeedOver):
        return form.end(None, report)
    problem = problem_of(exc)
    report.fail(problem, exc)
    if isinstance(exc, Failure):
        report.level = logging.INFO  # Feeds end with a Failure in normal operation.
    return form.end(problem, report)


def _frames(stream: Stream, report: Report, form: Form) -> Iterator[bytes]:
    ready = threading.Event()
    report.code = "CANCELLED"
    try:
        stream.feed.start(ready.set)
        yield form.begin
        while True:
            ready.clear()
            if events := stream.feed.take(_BATCH_SIZE):
                yield from map(form.frame, events)
            elif not ready.wait(HEARTBEAT_SECONDS):
                yield form.heartbeat
    except Exception as exc:
        yield _end(form, exc, report)
    finally:
        STREAMS.close(stream)
        report.end()
