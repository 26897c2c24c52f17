"""HTTP as it arrives on a connection, for tests that otherwise call Django by itself: `--rest-framing`.

The web process' own parts read the bytes and write the answer: uvicorn with our connections, the division of calls
(`core.rest.asgi`), and WSGI. They run in a thread of the test process, but have the test's own thread run Django, so
that it sees what the test's transaction holds.
"""

import asyncio
import socket
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import closing
from functools import cache
from queue import SimpleQueue
from typing import Any, cast
from urllib.parse import urlencode

import uvicorn
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http.response import ResponseHeaders
from django.test.client import BOUNDARY, MULTIPART_CONTENT, Client, encode_multipart

from config.wsgi import application
from core.rest.asgi import dispatch
from core.rest.compat import serve_in_threads
from core.rest.connections import connection_class
from tests.support.raw_http import Answered, Connection, framed

#: How bodies are framed: in chunks; with their length, over HTTP/1.0.
CHUNKED, HTTP_1_0 = "chunked", "http10"
FRAMINGS = (CHUNKED, HTTP_1_0)
#: Each test with one of them.
MIXED = "mixed"


def framing_of(option: str | None, test: str) -> str | None:
    """Return the framing for a test. A mixed run always gives a test the same one."""
    return FRAMINGS[zlib.crc32(test.encode()) % len(FRAMINGS)] if option == MIXED else option


class Response:
    """An answer, as Django's test client gives it."""

    def __init__(self, answer: Answered) -> None:
        self.status_code = answer.status
        self.headers = ResponseHeaders(answer.headers)
        self.content = answer.body

    @property
    def streaming_content(self) -> Iterator[bytes]:
        return iter([self.content])


class FramedClient:
    """Takes the place of Django's test client in the REST transport of tests."""

    def __init__(self, framing: str) -> None:
        self._framing = framing
        self._client = Client(raise_request_exception=False, HTTP_HOST="localhost")

    def generic(
        self,
        verb: str,
        path: str,
        data: bytes = b"",
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        **extra: str,
    ) -> Any:
        if threading.current_thread() is not threading.main_thread():
            # A call that meets others: its own thread has the connection that it needs.
            return self._client.generic(verb, path, data, content_type, headers=headers, **extra)
        sent = {"Content-Type": extra.get("CONTENT_TYPE", content_type), **(headers or {})}
        chunked = self._framing == CHUNKED
        version = "1.1" if chunked else "1.0"
        request = framed(verb, path, "localhost", data, chunked=chunked, version=version, **sent)
        return Response(_exchange(request, verb))

    def post(self, path: str, data: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
        return self.generic("POST", path, encode_multipart(BOUNDARY, data), MULTIPART_CONTENT, headers)

    def get(self, path: str, query: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Open a stream of events, which has no body and no end, by Django alone."""
        return self._client.get(path + ("?" + urlencode(query) if query else ""), **options)


class _HandOver(Executor):
    """Has another thread run what is submitted: the one that calls `run_until`."""

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as exc:
                future.set_exception(exc)

        self._work.put(run)
        return future

    def run_until(self, over: threading.Thread) -> None:
        """Run the submitted calls until this thread has ended."""
        # As Django's test client does: the connection belongs to the test's transaction.
        for signal in (request_started, request_finished):
            signal.disconnect(close_old_connections)
        over.start()
        threading.Thread(target=lambda: (over.join(), self._work.put(None)), daemon=True).start()
        while (run := self._work.get()) is not None:
            run()
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


@cache
def _server() -> tuple[str, _HandOver]:
    """Return the URL of the server of this process, and the executor of its calls."""
    hand_over = _HandOver()
    serving = serve_in_threads(application, hand_over)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        cast(Any, dispatch(serving, serving, serving, serving, has_room=lambda caller: True)),
        http=connection_class(1000),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
    )
    server = uvicorn.Server(config)
    threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True).start()
    listening.listen()
    return f"http://127.0.0.1:{listening.getsockname()[1]}", hand_over


def _exchange(request: bytes, verb: str) -> Answered:
    url, hand_over = _server()
    answers: list[Any] = []

    def exchange() -> None:
        try:
            with closing(Connection(url)) as connection:
                connection.send(request)
                answers.append(connection.answer(verb))
        except BaseException as exc:
            answers.append(exc)

    hand_over.run_until(threading.Thread(target=exchange, daemon=True))
    if isinstance(answers[0], BaseException):
        raise answers[0]
    return cast(Answered, answers[0])
