"""What stands between the web server and Django: which threads serve a call, and who goes on with an open stream.

Ordinary calls have a fixed pool of threads, in which Django's database connections stay. Uploads, which take as long as
their client takes, have threads of their own. A stream of events needs a thread only until it is open.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, cast
from urllib.parse import SplitResult, unquote, urlsplit

import uvicorn
from django.conf import settings

from core import context
from core.addresses import client_address
from core.auth import presumed_caller
from core.context import valid_request_id
from core.errors import Failure, Problem, Unavailable
from core.rest import bodies, connections, sse
from core.rest.bodies import CUT
from core.streams import LAST_CHANCE_SECONDS, STREAMS

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_UPLOADS = tuple(content_type.encode() for content_type in bodies.UPLOAD_TYPES)
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_GONE: Message = {"type": "http.disconnect"}
#: What a call may have read ahead in any case, and what all calls may have read ahead beyond it.
_OWN_AHEAD_BYTES = 64 * 1024
_SHARED_AHEAD_BYTES = 64 * 1024**2
#: Connections that are taken at once, and that wait in the kernel.
MAX_ACCEPTED, _QUEUE = 64, 1024
#: How long the clients of open streams may take to read why they end.
_LAST_WORDS_SECONDS = 2.0
#: The calls whose streams are open, by what sends them.
_open: "dict[asyncio.Task[Any], _Call]" = {}


def dividing(ordinary: Application, uploads: Application) -> Application:
    """An application that has these two serve the calls, and sends the streams that they open."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await ordinary(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if b"content-length" in headers and b"transfer-encoding" in headers:
            # Whoever forwarded it may have read another request in it.
            await connections.answer(send, 400, Problem("INVALID", "Send a length or chunks, not both."))
            return
        if not scope["path"].startswith("/") and not await _has_path(scope, send):
            return
        scope["headers"] = _without_look_alikes(scope["headers"])
        upload = bodies.is_api(scope["path"]) and headers.get(b"content-type", b"").lower().startswith(_UPLOADS)
        call = _Call(scope, receive, send, settings.UPLOAD_IDLE_SECONDS if upload else settings.BODY_WAIT_SECONDS)
        scope[bodies.SOURCE] = call.next_piece
        scope[bodies.END] = call.end_body
        scope[bodies.ARRIVED] = time.monotonic()
        try:
            # A slow client of an ordinary call holds no thread. A body that is too large for one, and an upload, are
            # read by the thread, which knows by then whether the caller may make the call.
            limit = settings.MAX_MESSAGE_BYTES + 1
            ahead = not upload and int(headers.get(b"content-length", 0)) < limit
            whole = ahead and await call.read_ahead(limit)
            context.caller_key.set(_caller(scope))
            await (ordinary if whole else uploads)(scope, call.receive, call.send)
        finally:
            call.forget_ahead()
        if sse.TAKEN_OVER in scope:
            await call.go_on(*scope[sse.TAKEN_OVER])

    return application


async def _has_path(scope: Scope, send: Send) -> bool:
    """Give a request whose target is an absolute URL the path and the host that the URL has (RFC 9112, 3.2.2).

    Returns whether there is a path to be served; if there is none, the request has been answered.
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
    await connections.answer(send, 400, Problem("INVALID", "Ask for a path, as in /api/v1/tasks, or for a whole URL."))
    return False


def _caller(scope: Scope) -> str:
    """As whom the call counts where calls take turns."""
    sent: dict[bytes, list[str]] = {}
    for name, value in scope["headers"]:
        if name in (b"authorization", b"x-forwarded-for"):
            sent.setdefault(name, []).append(value.decode("latin-1"))
    peer, _ = scope.get("client") or ("", 0)
    address = client_address(peer, sent.get(b"x-forwarded-for"), settings.TRUSTED_PROXIES)
    if scope["path"].startswith("/health"):
        # Probes wait for no other calls from their address.
        return f"health {address}"
    return presumed_caller(sent.get(b"authorization", [""])[0], address)


def _whole_url(target: str) -> SplitResult | None:
    try:
        url = urlsplit(target)
    except ValueError:
        return None
    return url if url.scheme in ("http", "https") and url.netloc else None


def _without_look_alikes(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Drop headers whose names WSGI confuses with others: it takes `X_Forwarded_For` for what a proxy added."""
    return [header for header in headers if b"_" not in header[0]]


class Server(uvicorn.Server):
    """Takes connections in small groups, so that their limit is kept, and ends the open streams when it is to end."""

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        # asyncio takes up to `backlog` connections before any of them is looked at; the kernel may keep more.
        for listening in sockets or ():
            listening.listen(_QUEUE)

    async def shutdown(self, sockets: Any = None) -> None:
        STREAMS.end_all(Unavailable("The server is going away; connect again, and another will answer."))
        if _open:
            _, late = await asyncio.wait(_open, timeout=_LAST_WORDS_SECONDS)
            for task in late:
                _open[task].abort()  # Its client does not read.
        await super().shutdown(sockets)


class _Call:
    """One call's way in and out, neither of which a client may hold up for ever."""

    #: How many bytes all calls have read ahead beyond what each may.
    _shared_ahead = 0

    def __init__(self, scope: Scope, receive: Receive, send: Send, patience: float) -> None:
        self._scope = scope
        self._ahead: deque[Message] = deque()
        self._ahead_bytes = 0
        self._ended = False
        self._receive = receive
        self._send = send
        self._patience = patience
        self._until: float | None = None
        self._stalled = False
        #: What `next_piece` waits for.
        self._waiting: Future[Message] | None = None
        #: Why the server ends the body, until that is raised, and when it drops the connection if the call goes on.
        self._failure: Failure | None = None
        self._dropped_at: float | None = None
        self._lock = threading.Lock()
        self._loop = asyncio.get_running_loop()

    async def read_ahead(self, limit: int) -> bool:
        """Read the body until it ends, or until so many bytes have come. Returns whether it has ended."""
        headers = dict(self._scope["headers"])
        if b"content-length" not in headers and b"transfer-encoding" not in headers:
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

    def _keep_ahead(self, message: Message, length: int) -> bool:
        beyond = max(0, length - _OWN_AHEAD_BYTES) - self._ahead_bytes
        if beyond > 0 and _Call._shared_ahead + beyond > _SHARED_AHEAD_BYTES:
            self._scope[CUT] = "full"
            self._ahead.append(_GONE)
            return False
        self._ahead_bytes += max(0, beyond)
        _Call._shared_ahead += max(0, beyond)
        self._ahead.append(message)
        return True

    def forget_ahead(self) -> None:
        """What was read ahead is read, or not needed."""
        _Call._shared_ahead -= self._ahead_bytes
        self._ahead_bytes = 0
        self._ahead.clear()

    def next_piece(self) -> bytes | None:
        """Wait for the next piece of the body, in the thread that serves the call; None = it has ended.

        Raises:
            Failure: the server has ended it.
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
        """Have `next_piece` raise this failure, now or next. Any thread may call it.

        Called again after a while, it drops the connection: the call waits for a client that does not read.
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
        """Take the failure to raise it. Kept, it would hold the frames that it passes, and they hold the call."""
        failure, self._failure = cast(Failure, self._failure), None
        self._ended, self._scope[CUT] = True, "gone"
        return failure

    async def receive(self) -> Message:
        return self._ahead.popleft() if self._ahead else await self._next()

    async def _next(self) -> Message:
        patience = self._patience
        if self._until is not None:
            patience = min(patience, self._until - self._loop.time())
        try:
            message = await asyncio.wait_for(self._receive(), patience)
        except TimeoutError:
            self._scope[CUT] = "idle"
            return _GONE
        if message["type"] == "http.disconnect":
            self._scope[CUT] = "gone"
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200 and sse.TAKEN_OVER in self._scope:
            # Something has failed since the stream was opened.
            STREAMS.close(self._scope.pop(sse.TAKEN_OVER)[0])
        if message["type"] == "http.response.body" and sse.TAKEN_OVER in self._scope:
            return  # The answer goes on.
        if self._stalled:
            return
        try:
            await asyncio.wait_for(self._send(message), settings.STREAM_STALL_SECONDS)
        except TimeoutError:
            # Whoever writes goes on to its end, unheard; raising here would leave its thread waiting for ever.
            self._stalled = True
            self._scope[CUT] = "gone"
            self.abort()

    async def go_on(self, stream: Any, report: Any) -> None:
        gone = asyncio.Event()
        if connections.HALF_CLOSED in self._scope:
            gone.set()
        listening = asyncio.ensure_future(self._until_gone(gone))
        sending: Any = asyncio.current_task()
        _open[sending] = self
        try:
            await sse.send_events(stream, report, gone, self._send)
            await self._send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            self.abort()
            await gone.wait()  # Until the web server knows it too.
        finally:
            del _open[sending]
            listening.cancel()

    def abort(self) -> None:
        """Cuts the connection of a client that does not read: to close it, the web server would wait for the client."""
        # ASGI has no word for it; uvicorn's `send` belongs to an object that knows the connection.
        self._send.__self__.transport.abort()  # type: ignore[attr-defined]

    async def _until_gone(self, gone: asyncio.Event) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        gone.set()
