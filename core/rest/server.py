"""What stands between the web server and Django: which threads serve a call, and who goes on with an open stream.

Ordinary calls have a fixed pool of threads, in which Django's database connections stay. Uploads, which take as long as
their client takes, have threads of their own. A stream of events needs a thread only until it is open.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import uvicorn
from django.conf import settings

from core.errors import Unavailable
from core.rest import events
from core.rest.lines import CUT
from core.streams import STREAMS

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Bodies that may come slowly and be of any length.
_LINES = (b"application/x-ndjson", b"application/ndjson", b"application/jsonl")
_FILES = (b"multipart/form-data", b"application/offset+octet-stream")
_GONE: Message = {"type": "http.disconnect"}
_READ_AHEAD_BYTES = 1024 * 1024
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
        scope["headers"] = _without_look_alikes(scope["headers"])
        content_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
        content_type = content_type.lower()
        upload = content_type.startswith(_LINES + _FILES)
        patience = settings.UPLOAD_IDLE_SECONDS if upload else settings.BODY_WAIT_SECONDS
        call = _Call(scope, receive, send, patience, in_lines=not content_type.startswith(_FILES))
        # Who is slow to send holds no thread meanwhile.
        await call.read_ahead(1 if upload else _READ_AHEAD_BYTES)
        await (uploads if upload else ordinary)(scope, call.receive, call.send)
        if events.TAKEN_OVER in scope:
            await call.go_on(*scope[events.TAKEN_OVER])

    return application


def _without_look_alikes(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Drop headers whose names WSGI confuses with others: it takes `X_Forwarded_For` for what a proxy added."""
    return [header for header in headers if b"_" not in header[0]]


class Server(uvicorn.Server):
    """Ends the open streams when it is to end."""

    async def shutdown(self, sockets: Any = None) -> None:
        STREAMS.end_all(Unavailable("The server is going away; connect again, and another will answer."))
        if _open:
            _, late = await asyncio.wait(_open, timeout=_LAST_WORDS_SECONDS)
            for task in late:
                _open[task].abort()  # Its client does not read.
        await super().shutdown(sockets)


class _Call:
    """One call's way in and out, neither of which a client may hold up for ever."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, patience: float, *, in_lines: bool) -> None:
        self._scope = scope
        self._ahead: deque[Message] = deque()
        self._receive = receive
        self._send = send
        self._patience = patience
        self._in_lines = in_lines
        self._line_bytes = 0
        self._stalled = False

    async def read_ahead(self, most: int) -> None:
        """Reads the body until it ends, or until so many bytes have come."""
        headers = dict(self._scope["headers"])
        if b"content-length" not in headers and b"transfer-encoding" not in headers:
            return
        length = 0
        while length < most:
            message = await self._next()
            self._ahead.append(message)
            length += len(message.get("body", b""))
            if not message.get("more_body"):
                return

    async def receive(self) -> Message:
        return self._ahead.popleft() if self._ahead else await self._next()

    async def _next(self) -> Message:
        try:
            message = await asyncio.wait_for(self._receive(), self._patience)
        except TimeoutError:
            self._scope[CUT] = "idle"
            return _GONE
        if message["type"] == "http.disconnect":
            self._scope[CUT] = "gone"
            return message
        body: bytes = message.get("body", b"")
        newline = body.rfind(b"\n")
        self._line_bytes = self._line_bytes + len(body) if newline < 0 else len(body) - newline - 1
        if self._in_lines and self._line_bytes > settings.MAX_REQUEST_BYTES:
            self._scope[CUT] = "long"
            return _GONE
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200 and events.TAKEN_OVER in self._scope:
            # Something has failed since the stream was opened.
            STREAMS.close(self._scope.pop(events.TAKEN_OVER)[0])
        if message["type"] == "http.response.body" and events.TAKEN_OVER in self._scope:
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
        listening = asyncio.ensure_future(self._until_gone(gone))
        sending: Any = asyncio.current_task()
        _open[sending] = self
        try:
            await events.send_events(stream, report, gone, self._send)
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
