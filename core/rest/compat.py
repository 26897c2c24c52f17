"""The parts of uvicorn 0.54 and a2wsgi 1.10 that this transport uses and their documentation does not mention.

No other module of the transport uses undocumented members of a library. Each method and function here has a test in
`tests/core/test_http_libraries.py`, which fails when the library changes. `Config(http=…)` and `Server.run` of uvicorn,
and `environ["asgi.scope"]` of a2wsgi, are documented and used directly.
"""

import asyncio
import contextvars
import socket
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, cast

import h11
import uvicorn
from a2wsgi.wsgi import Body, build_environ
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

Scope = dict[str, Any]
Application = Callable[..., Awaitable[None]]


class HttpConnection(H11Protocol):
    """uvicorn's connection, with names for the members of it that `core.rest.connections` needs.

    uvicorn lets an application choose the class of its connections, but has no public way to learn of their state.
    `conn`, the state machine of h11, is public there.
    """

    def response_completed(self) -> None:
        """Continue after a response has been sent. uvicorn has no event for it."""

    def request_refused(self, error: BaseException | None) -> None:
        """Answer a request that is not valid HTTP. uvicorn's own answer is a text of fixed status and wording."""

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.response_completed()

    def send_400_response(self, msg: str) -> None:
        self.request_refused(sys.exc_info()[1])

    def upgraded(self) -> None:
        """Leave the connection to the WebSocket protocol. uvicorn has no event for it."""

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self.upgraded()
        super().handle_websocket_upgrade(event)

    @property
    def response_scope(self) -> Scope | None:
        """The scope of the request whose response has not been completed; None between requests."""
        if self.cycle is None or self.cycle.response_complete:
            return None
        return cast(Scope, self.cycle.scope)

    @property
    def is_body_complete(self) -> bool:
        """True if the body of the last request has arrived completely."""
        return not self.cycle.more_body

    def close_after_response(self) -> None:
        """Close the connection when the pending response has been sent, without the end of its body being awaited."""
        self.cycle.keep_alive = False

    @property
    def has_keep_alive_timer(self) -> bool:
        """True while uvicorn's timer of an idle connection runs."""
        return self.timeout_keep_alive_task is not None

    def stop_keep_alive_timer(self) -> None:
        """Stop uvicorn's timer of an idle connection. uvicorn stops it only when data arrives."""
        self._unset_keepalive_if_required()

    @property
    def connection_count(self) -> int:
        """The number of the server's connections. uvicorn's own limit would answer without a problem document."""
        return len(self.connections)

    def wrap_application(self, wrap: Callable[[Any], Application]) -> None:
        """Serve further requests of this connection by `wrap(application)`."""
        self.app = wrap(self.app)


class WebSocketConnection(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket connection, whose scope gives the application a function that aborts it.

    Attributes:
        abort_key: the key of that function in the scope.
    """

    abort_key = ""

    async def run_asgi(self) -> None:
        self.scope[self.abort_key] = self.transport.abort  # type: ignore[literal-required]
        await super().run_asgi()


class Server(uvicorn.Server):
    """A web server with a larger queue in the kernel, and a step before its shutdown.

    uvicorn has one number, `backlog`, for the queue and for the connections that asyncio accepts in one step; and it
    calls no application when it begins to shut down: the lifespan protocol's event comes after the last response.
    """

    def __init__(self, config: uvicorn.Config, *, queue: int, before_shutdown: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._queue = queue
        self._before_shutdown = before_shutdown

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(self._queue)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._before_shutdown()
        await super().shutdown(sockets)


def serve_in_threads(application: Callable[..., Any], executor: Executor) -> Application:
    """Return the ASGI application that runs a WSGI application in the threads of this executor.

    a2wsgi lets its caller choose only the number of threads: in its own executor, one caller could hold all of them.
    Its threads also wait for the event loop three times for each response, so only its environment and body are used.
    Here the loop sends a whole response when the application has returned it; the thread sends only the pieces of one
    that is streamed.
    """

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        loop = asyncio.get_running_loop()
        environ = build_environ(scope, Body(loop, receive))
        response = _Response(lambda message: asyncio.run_coroutine_threadsafe(send(message), loop).result())
        run = partial(contextvars.copy_context().run, response.run, application, environ)
        for message in await loop.run_in_executor(executor, run):
            await send(message)

    return serve


class _Response:
    """A response of a WSGI application, in the thread that runs it.

    Args:
        send: sends a message over ASGI, and waits until the client may be sent more.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self._send = send
        self._head: dict[str, Any] = {}

    def run(self, application: Callable[..., Any], environ: Any) -> list[dict[str, Any]]:
        """Run the application. Return the messages that are left to send."""
        pieces = application(environ, self._start)
        try:
            # Of other applications than Django, any response may be a stream.
            if getattr(pieces, "streaming", True):
                self._send(self._head)
                for piece in pieces:
                    self._send({"type": "http.response.body", "body": piece, "more_body": True})
                return [{"type": "http.response.body", "body": b""}]
            return [self._head, {"type": "http.response.body", "body": b"".join(pieces)}]
        finally:
            getattr(pieces, "close", lambda: None)()

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        encoded = [(name.strip().lower().encode("latin-1"), text.strip().encode("latin-1")) for name, text in headers]
        self._head = {"type": "http.response.start", "status": int(status.partition(" ")[0]), "headers": encoded}
