"""The ASGI layer between the web server and Django: it assigns calls to threads and sends open streams.

Ordinary calls run in a fixed pool of threads, which keep Django's database connections. Uploads, which last as long as
their client needs, run in separate threads. A stream of events needs a thread only until it is open.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, cast
from urllib.parse import SplitResult, unquote, urlsplit

from django.conf import settings

from core import context
from core.addresses import client_address
from core.auth import presumed_caller
from core.context import valid_request_id
from core.errors import Failure, Problem, Unavailable
from core.rest import bodies, connections, downloads, feed_responses
from core.rest.bodies import CUT
from core.streams import LAST_CHANCE_SECONDS, STREAMS

Scope = dict[str, Any]
AsgiMessage = dict[str, Any]
Receive = Callable[[], Awaitable[AsgiMessage]]
Send = Callable[[AsgiMessage], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_UPLOADS = tuple(content_type.encode() for content_type in bodies.UPLOAD_TYPES)
_BUSY = Problem("RATE_LIMITED", "The server is busy; try again in a second.", retry_after_seconds=1)
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_DISCONNECT: AsgiMessage = {"type": "http.disconnect"}
#: Bytes that each call may read ahead, and bytes that all calls together may read ahead beyond that.
_OWN_AHEAD_BYTES = 64 * 1024
_SHARED_AHEAD_BYTES = 64 * 1024**2
#: Connections that are accepted in one step, and that may wait in the kernel.
MAX_ACCEPTED, MAX_QUEUED = 64, 1024
#: How long clients of open streams may take to read the last message at shutdown.
_CLOSING_SECONDS = 2.0
#: The calls whose streams are open, by the task that sends them.
_open: "dict[asyncio.Task[Any], _Call]" = {}


def dispatch(
    ordinary: Application,
    uploads: Application,
    probes: Application,
    sockets: Application,
    has_room: Callable[[str], bool],
) -> Application:
    """Return an application that routes calls to one of these, and sends the streams that the first two open.

    Args:
        probes: serves /health.
        has_room: returns whether one more ordinary call of a caller may wait; others are refused.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await sockets(scope, receive, send)
            return
        if scope["type"] != "http":
            await ordinary(scope, receive, send)
            return
        if _has_large_head(scope["headers"]):
            await connections.answer(send, 431, Problem("INVALID", "The head of the request is too large."))
            return
        headers = dict(scope["headers"])
        if b"content-length" in headers and b"transfer-encoding" in headers:
            # A proxy may have read another request in it (request smuggling).
            message = "Send either Content-Length or Transfer-Encoding, not both."
            await connections.answer(send, 400, Problem("INVALID", message))
            return
        if not scope["path"].startswith("/") and not await _has_path(scope, send):
            return
        scope["headers"] = _without_look_alikes(scope["headers"])
        is_probe = scope["path"].startswith("/health")
        upload = bodies.is_api(scope["path"]) and headers.get(b"content-type", b"").lower().startswith(_UPLOADS)
        call = _Call(scope, receive, send, settings.UPLOAD_IDLE_SECONDS if upload else settings.BODY_WAIT_SECONDS)
        scope[bodies.SOURCE] = call.next_piece
        scope[bodies.END] = call.end_body
        scope[bodies.ARRIVED] = time.monotonic()
        try:
            # The body is read here so that a slow client of an ordinary call holds no thread. A body that is too large
            # for this, and an upload, are read by the thread after it has authorized the caller.
            limit = settings.MAX_MESSAGE_BYTES + 1
            ahead = not upload and int(headers.get(b"content-length", 0)) < limit
            whole = ahead and await call.read_ahead(limit)
            caller = _caller(scope)
            context.caller_key.set(caller)
            if whole and not is_probe and not has_room(caller):
                await connections.answer(send, 429, _BUSY, closes=False)
                return
            await (probes if is_probe else ordinary if whole else uploads)(scope, call.receive, call.send)
        finally:
            call.forget_ahead()
        if feed_responses.TAKEN_OVER in scope:
            await call.send_stream(*scope[feed_responses.TAKEN_OVER])

    return application


def _has_large_head(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Return whether a head has too many fields or bytes. The web server limits only heads that arrive in parts."""
    if len(headers) > settings.HTTP_MAX_HEADERS:
        return True
    return sum(len(name) + len(value) for name, value in headers) > settings.HTTP_MAX_HEAD_BYTES


async def _has_path(scope: Scope, send: Send) -> bool:
    """Set path and host from the URL, if the request's target is an absolute URL (RFC 9112, 3.2.2).

    Returns whether there is a path to serve; if there is none, the request has been answered.
    """
    target = _whole_url(scope["raw_path"].decode("ascii"))
    if target:
        scope["raw_path"] = (target.path or "/").encode()
        scope["path"] = unquote(target.path or "/")
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        scope["headers"] = [*others, (b"host", target.netloc.rpartition("@")[2].encode())]
        return True
    if scope["method"] == "OPTIONS" and scope["path"] == "*":
        headers = [(b"allow", _METHODS), (b"x-request-id", valid_request_id(None).encode())]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return False
    message = "The request target must be a path, such as /api/v1/tasks, or an absolute URL."
    await connections.answer(send, 400, Problem("INVALID", message))
    return False


def _caller(scope: Scope) -> str:
    """Return the key under which the call is queued among those of other callers."""
    headers: dict[bytes, list[str]] = {}
    for name, value in scope["headers"]:
        if name in (b"authorization", b"x-forwarded-for"):
            headers.setdefault(name, []).append(value.decode("latin-1"))
    peer, _ = scope.get("client") or ("", 0)
    address = client_address(peer, headers.get(b"x-forwarded-for"), settings.TRUSTED_PROXIES)
    if scope["path"].startswith("/health"):
        # Probes must not wait for other calls from the same address.
        return f"health {address}"
    return presumed_caller(headers.get(b"authorization", [""])[0], address)


def _whole_url(target: str) -> SplitResult | None:
    try:
        url = urlsplit(target)
    except ValueError:
        return None
    return url if url.scheme in ("http", "https") and url.netloc else None


def _without_look_alikes(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Drop headers whose names WSGI confuses with others: `X_Forwarded_For` becomes `X-Forwarded-For`."""
    return [header for header in headers if b"_" not in header[0]]


async def end_streams() -> None:
    """End the open streams at shutdown. Their last message asks the clients to connect again."""
    STREAMS.end_all(Unavailable("The server is shutting down; connect again to reach another one."))
    if _open:
        _, late = await asyncio.wait(_open, timeout=_CLOSING_SECONDS)
        for task in late:
            _open[task].abort()  # Its client does not read.


class _Call:
    """The request and response of one call, with limits on how long its client may delay either."""

    #: Bytes that all calls together have read ahead beyond their own allowance.
    _shared_ahead = 0

    def __init__(self, scope: Scope, receive: Receive, send: Send, patience: float) -> None:
        self._scope = scope
        self._ahead: deque[AsgiMessage] = deque()
        self._ahead_bytes = 0
        self._ended = False
        self._receive = receive
        self._send = send
        self._patience = patience
        self._until: float | None = None
        self._stalled = False
        #: The pending read of `next_piece`.
        self._waiting: Future[AsgiMessage] | None = None
        #: The failure with which the server ends the body, until it is raised, and when the connection is then dropped.
        self._failure: Failure | None = None
        self._dropped_at: float | None = None
        self._lock = threading.Lock()
        self._loop = asyncio.get_running_loop()

    async def read_ahead(self, limit: int) -> bool:
        """Read the body until it ends or has reached `limit` bytes. Returns whether it has ended."""
        headers = dict(self._scope["headers"])
        if b"content-length" not in headers and b"transfer-encoding" not in headers:
            self._ended = True  # There is no body, so that no thread needs to ask this loop for it.
            return True
        length = 0
        self._until = self._loop.time() + settings.MAX_CALL_SECONDS
        while length < limit:
            message = await self._next()
            length += len(message.get("body", b""))
            if not self._keep_ahead(message, length):
                return True
            if not message.get("more_body"):
                return True
        self._until = None
        return False

    def _keep_ahead(self, message: AsgiMessage, length: int) -> bool:
        beyond = max(0, length - _OWN_AHEAD_BYTES) - self._ahead_bytes
        if beyond > 0 and _Call._shared_ahead + beyond > _SHARED_AHEAD_BYTES:
            self._scope[CUT] = "full"
            self._ahead.append(_DISCONNECT)
            return False
        self._ahead_bytes += max(0, beyond)
        _Call._shared_ahead += max(0, beyond)
        self._ahead.append(message)
        return True

    def forget_ahead(self) -> None:
        """Release the memory of what was read ahead."""
        _Call._shared_ahead -= self._ahead_bytes
        self._ahead_bytes = 0
        self._ahead.clear()

    def next_piece(self) -> bytes | None:
        """Wait for the next piece of the body, in the thread that serves the call; None = the body has ended.

        Raises:
            Failure: the server has ended the body.
        """
        if self._ended:
            return None
        with self._lock:
            if self._failure is not None:
                raise self._taken_failure()
            if not self._ahead:
                self._waiting = asyncio.run_coroutine_threadsafe(self._next(), self._loop)
        if self._waiting is None:
            message = self._ahead.popleft()
        else:
            try:
                message = self._waiting.result()
            except CancelledError:
                if self._failure is None:
                    raise
                raise self._taken_failure() from None
            finally:
                self._waiting = None
        self._ended = not message.get("more_body")
        return message.get("body", b"") if message["type"] == "http.request" else None

    def end_body(self, failure: Failure) -> None:
        """Make `next_piece` raise this failure at its current or next wait. Any thread may call it.

        If it is called again after a while, it drops the connection, because the client does not read its response.
        """
        with self._lock:
            if self._dropped_at is None:
                self._failure, self._dropped_at = failure, time.monotonic() + LAST_CHANCE_SECONDS
                if self._waiting is not None:
                    self._waiting.cancel()
                return
        if time.monotonic() >= self._dropped_at:
            self._loop.call_soon_threadsafe(self.abort)

    def _taken_failure(self) -> Failure:
        """Remove the failure and return it, to raise it. If it were kept, its traceback would keep the call."""
        failure, self._failure = cast(Failure, self._failure), None
        self._ended, self._scope[CUT] = True, "gone"
        return failure

    async def receive(self) -> AsgiMessage:
        return self._ahead.popleft() if self._ahead else await self._next()

    async def _next(self) -> AsgiMessage:
        patience = self._patience
        if self._until is not None:
            patience = min(patience, self._until - self._loop.time())
        try:
            message = await asyncio.wait_for(self._receive(), patience)
        except TimeoutError:
            self._scope[CUT] = "idle"
            return _DISCONNECT
        if message["type"] == "http.disconnect":
            self._scope[CUT] = "gone"
        return message

    async def send(self, message: AsgiMessage) -> None:
        failed = message["type"] == "http.response.start" and message["status"] not in (200, 206)
        if failed and feed_responses.TAKEN_OVER in self._scope:
            # The call failed after it had opened the stream.
            STREAMS.close(self._scope.pop(feed_responses.TAKEN_OVER)[1])
        if message["type"] == "http.response.body" and feed_responses.TAKEN_OVER in self._scope:
            return  # `send_stream` sends the body.
        if self._stalled:
            return
        try:
            async with asyncio.timeout(settings.STREAM_STALL_SECONDS):  # Unlike `wait_for`, it makes no task.
                await self._send(message)
        except TimeoutError:
            # The rest of the answer is dropped: an exception here would leave the writing thread waiting for ever.
            self._stalled = True
            self._scope[CUT] = "gone"
            self.abort()

    async def send_stream(self, send_all: Callable[[asyncio.Event, Send], Awaitable[None]], stream: Any) -> None:
        disconnected = asyncio.Event()
        if connections.HALF_CLOSED in self._scope:
            disconnected.set()
        listening = asyncio.ensure_future(self._wait_for_disconnect(disconnected))
        sending: Any = asyncio.current_task()
        _open[sending] = self
        try:
            await send_all(disconnected, self._send)
            await self._send({"type": "http.response.body", "body": b""})
        except (TimeoutError, downloads.Interrupted):
            self.abort()
            if connections.ABORT in self._scope:
                await disconnected.wait()  # Until the web server has noticed it.
        finally:
            del _open[sending]
            listening.cancel()

    def abort(self) -> None:
        """Abort the connection of a client that does not read. Only the connections of `runweb` can be aborted."""
        if connections.ABORT in self._scope:
            self._scope[connections.ABORT]()

    async def _wait_for_disconnect(self, disconnected: asyncio.Event) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        disconnected.set()
