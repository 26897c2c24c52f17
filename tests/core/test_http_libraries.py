"""Undocumented members of uvicorn and a2wsgi (`core.rest.compat`): each must still do what the transport needs."""

import asyncio
import socket
import struct
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import h11
import pytest
import uvicorn

from core.rest.compat import HttpConnection, Server, serve_in_threads

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
KEEP_ALIVE_SECONDS = 1

Serve = Callable[[Any, Any, Any], Awaitable[None]]


async def answer(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class Web:
    """A server in this event loop, and what its connections have reported."""

    def __init__(self) -> None:
        self.connections: list[Any] = []
        self.completed: list[Any] = []
        self.refused: list[BaseException | None] = []
        self.address = ("127.0.0.1", 0)
        self.server: Any = None

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.address)


@asynccontextmanager
async def serving(
    application: Serve,
    before_shutdown: Callable[[], Awaitable[None]] | None = None,
    keep_alive: int = KEEP_ALIVE_SECONDS,
) -> AsyncIterator[Web]:
    web = Web()

    class Connection(HttpConnection):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            web.connections.append(self)

        def response_completed(self) -> None:
            web.completed.append(self.response_scope)

        def request_refused(self, error: BaseException | None) -> None:
            web.refused.append(error)
            self.transport.close()

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    web.address = listening.getsockname()
    config = uvicorn.Config(
        application,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=keep_alive,
    )
    web.server = Server(config, queue=100, before_shutdown=before_shutdown or _nothing)
    task = asyncio.create_task(web.server.serve([listening]))
    while not web.server.started:
        await asyncio.sleep(0.01)
    try:
        yield web
    finally:
        web.server.should_exit = True
        await task


async def _nothing() -> None:
    pass


async def response(reader: asyncio.StreamReader) -> bytes:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert await asyncio.wait_for(reader.readexactly(2), 5) == b"ok"
    return head


def test_scope_of_the_pending_response_is_known() -> None:
    async def test() -> None:
        seen = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            seen.append(web.connections[0].response_scope is scope)
            await answer(scope, receive, send)

        async with serving(application) as web:
            reader, writer = await web.connect()
            writer.write(REQUEST)
            await response(reader)
            assert seen == [True]
            assert web.connections[0].response_scope is None
            assert web.completed == [None]
            writer.close()

    asyncio.run(test())


def test_end_of_the_body_is_known() -> None:
    async def test() -> None:
        states = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            states.append(web.connections[0].is_body_complete)
            more = True
            while more:
                more = (await receive()).get("more_body", False)
            states.append(web.connections[0].is_body_complete)
            await answer(scope, receive, send)

        async with serving(application) as web:
            reader, writer = await web.connect()
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
            while not states:
                await asyncio.sleep(0.01)
            writer.write(b"cd")
            await response(reader)
            assert states == [False, True]
            writer.close()

    asyncio.run(test())


def test_connection_is_closed_after_its_response_on_request() -> None:
    async def test() -> None:
        async def application(scope: Any, receive: Any, send: Any) -> None:
            web.connections[0].close_after_response()
            await answer(scope, receive, send)

        async with serving(application, keep_alive=60) as web:
            reader, writer = await web.connect()
            writer.write(REQUEST)
            await response(reader)
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()

    asyncio.run(test())


def test_keep_alive_timer_runs_between_requests_and_can_be_stopped() -> None:
    async def test() -> None:
        async with serving(answer) as web:
            clients = [await web.connect() for _ in range(2)]
            for reader, writer in clients:
                writer.write(REQUEST)
                await response(reader)
            kept, closed = web.connections
            assert kept.has_keep_alive_timer
            kept.stop_keep_alive_timer()
            assert not kept.has_keep_alive_timer
            assert await asyncio.wait_for(clients[1][0].read(), KEEP_ALIVE_SECONDS + 3) == b""
            assert closed.transport.is_closing()
            assert not kept.transport.is_closing()
            for _, writer in clients:
                writer.close()

    asyncio.run(test())


def test_connections_are_counted() -> None:
    async def test() -> None:
        async with serving(answer) as web:
            clients = [await web.connect() for _ in range(3)]
            while len(web.connections) < 3:
                await asyncio.sleep(0.01)
            assert web.connections[0].connection_count == 3
            clients[0][1].close()
            while web.connections[1].connection_count > 2:
                await asyncio.sleep(0.01)
            for _, writer in clients:
                writer.close()

    asyncio.run(asyncio.wait_for(test(), 10))


def test_application_of_one_connection_can_be_wrapped() -> None:
    async def test() -> None:
        marks = []

        def marking(application: Serve) -> Serve:
            async def serve(scope: Any, receive: Any, send: Any) -> None:
                marks.append(scope["path"])
                await application(scope, receive, send)

            return serve

        async with serving(answer) as web:
            clients = [await web.connect() for _ in range(2)]
            while len(web.connections) < 2:
                await asyncio.sleep(0.01)
            first = next(c for c in web.connections if c.client == clients[0][1].get_extra_info("sockname"))
            first.wrap_application(marking)
            for reader, writer in clients:
                writer.write(REQUEST)
                await response(reader)
                writer.close()
            assert marks == ["/"]

    asyncio.run(test())


def test_invalid_request_is_refused_by_the_connection_alone() -> None:
    async def test() -> None:
        async with serving(answer) as web:
            reader, writer = await web.connect()
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            assert await asyncio.wait_for(reader.read(), 5) == b""
            (error,) = web.refused
            assert isinstance(error, h11.RemoteProtocolError)
            assert error.error_status_hint == 400
            writer.close()

    asyncio.run(test())


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_server_queues_connections_and_ends_streams_before_its_shutdown() -> None:
    async def test() -> None:
        events: list[object] = []

        async def end() -> None:
            # The listening socket is still open, and the connections are not closed yet.
            reader, writer = await web.connect()
            writer.write(REQUEST)
            events.append(await response(reader) != b"")
            writer.close()

        async with serving(answer, end) as web:
            (listening,) = web.server.servers[0].sockets
            # Linux reports the limit of the queue in the field `tcpi_sacked`.
            info = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
            assert struct.unpack_from("I", info, 28) == (100,)
        assert events == [True]

    asyncio.run(test())


def test_wsgi_application_runs_in_the_given_executor() -> None:
    class Pool(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            submitted.append(fn)
            return super().submit(fn, *args, **kwargs)

    submitted: list[Any] = []
    threads: list[str] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        threads.append(threading.current_thread().name)
        assert environ["asgi.scope"]["path"] == "/"
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    async def test() -> None:
        with Pool(1, thread_name_prefix="ours") as pool:
            async with serving(serve_in_threads(application, pool)) as web:
                reader, writer = await web.connect()
                writer.write(REQUEST)
                await response(reader)
                writer.close()

    asyncio.run(test())
    assert len(submitted) == 1
    assert threads[0].startswith("ours")


class _Pieces(list[bytes]):
    """A WSGI response.

    Attributes:
        streaming: as Django's responses have it.
    """

    def __init__(self, events: list[str], *, streaming: bool) -> None:
        super().__init__((b"o", b"k"))
        self.streaming = streaming
        self._events = events

    def close(self) -> None:
        self._events.append("closed")


@pytest.mark.parametrize(
    ("streaming", "events"),
    [(False, ["closed", "start", "body ok"]), (True, ["start", "body o", "body k", "closed", "body "])],
)
def test_thread_of_an_application_sends_only_what_is_streamed(streaming: bool, events: list[str]) -> None:
    seen: list[str] = []

    def application(environ: Any, start_response: Any) -> _Pieces:
        start_response("200 OK", [("Content-Length", "2")])
        return _Pieces(seen, streaming=streaming)

    async def test() -> None:
        with ThreadPoolExecutor(1) as pool:
            served = serve_in_threads(application, pool)

            async def recorded(scope: Any, receive: Any, send: Any) -> None:
                async def record(message: Any) -> None:
                    kind = message["type"].removeprefix("http.response.")
                    seen.append(kind if kind == "start" else f"body {message['body'].decode()}")
                    await send(message)

                await served(scope, receive, record)

            async with serving(recorded) as web:
                reader, writer = await web.connect()
                writer.write(REQUEST)
                await response(reader)
                writer.close()

    asyncio.run(test())
    assert seen == events
