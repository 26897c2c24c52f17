"""WebSockets: streams of messages in both directions for browsers, which cannot send a stream by HTTP.

A socket carries the messages of one operation: JSON in text frames, and what the operation's app reads from binary
ones. The connection is accepted before its caller is known, because browsers show scripts nothing of a refused one: a
failure is a last message, `{"error": <problem document>}`, and a close code of 4000 plus its HTTP status, with the
reason. Only a page of a foreign origin, and a path without a socket, are refused with a response.
"""

import asyncio
import json
import queue
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.core.exceptions import DisallowedHost, ValidationError
from django.http import HttpRequest
from google.protobuf.message import Message

from core import context, protojson, request_streams
from core.addresses import http_client_address
from core.auth import redeem_ticket
from core.context import valid_request_id
from core.db.thread_connections import fresh_connections
from core.errors import Cancelled, Failure, Problem, message_too_large, problem_of
from core.execution import admit, identify
from core.observability.call_log import Report, http_meter
from core.operations import Call, Operation
from core.rest import connections, problems
from core.rest.cors import is_allowed
from core.rest.origins import normalized

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

#: The largest frame. A larger one closes the connection with code 1009.
MAX_FRAME_BYTES = 128 * 1024
#: Frames that are received ahead of the thread that serves the socket.
_AHEAD = 8


@dataclass(frozen=True, slots=True)
class Socket:
    """A path with a WebSocket for an operation that takes and answers a stream.

    Attributes:
        path: its pattern, with named groups.
        complete: sets the fields of a message that the path contains.
        read_bytes: reads the message of a binary frame. Raises ValidationError.
    """

    path: re.Pattern[str]
    operation: Operation
    complete: Callable[[Any, Mapping[str, str]], None]
    read_bytes: Callable[[bytes], Message]


async def serve(sockets: tuple[Socket, ...], executor: Executor, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one connection, in a thread of the executor."""
    request = _request(scope)
    found = next((one for one in sockets if one.path.fullmatch(scope["path"])), None)
    if found is None:
        await _refuse(send, Problem("NOT_FOUND", "There is no WebSocket at this address."))
        return
    if (problem := _foreign(request)) is not None:
        await _refuse(send, problem)
        return
    await receive()
    await send({"type": "websocket.accept"})
    connection = _Connection(receive, send, scope)
    reading = asyncio.ensure_future(connection.read())
    address = http_client_address(request.META)
    context.caller_key.set(f"websocket {address}")
    try:
        await asyncio.get_running_loop().run_in_executor(
            executor, _serve_in_thread, found, connection, request, scope["path"], address
        )
    finally:
        reading.cancel()


class _Over:
    """No further frame follows.

    Args:
        failure: why.
    """

    def __init__(self, failure: Failure) -> None:
        self.failure = failure


class _Connection:
    """The frames of one connection, between the event loop and the thread that serves it."""

    def __init__(self, receive: Receive, send: Send, scope: Scope) -> None:
        self._receive = receive
        self._send = send
        self._scope = scope
        self._loop = asyncio.get_running_loop()
        self._frames: queue.SimpleQueue[str | bytes | _Over] = queue.SimpleQueue()
        self._room = asyncio.Semaphore(_AHEAD)
        self._is_ended = False

    async def read(self) -> None:
        """Receive frames until the client leaves. One that sends too fast waits."""
        while True:
            await self._room.acquire()
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                self._frames.put(_Over(Cancelled("The client disconnected.")))
                return
            text = message.get("text")
            self._frames.put(text if text is not None else message.get("bytes") or b"")

    def frames(self) -> Iterator[str | bytes]:
        """Yield the frames as they arrive.

        Raises:
            Failure: the client has left, or the server has ended the stream.
        """
        while True:
            frame = self._frames.get()
            if isinstance(frame, _Over):
                raise frame.failure
            self._loop.call_soon_threadsafe(self._room.release)
            yield frame

    def end(self, failure: Failure) -> None:
        """Make `frames` raise this failure; when called again, drop the connection. Any thread may call it."""
        if not self._is_ended:
            self._is_ended = True
            self._frames.put(_Over(failure))
        elif connections.ABORT in self._scope:
            self._loop.call_soon_threadsafe(self._scope[connections.ABORT])

    def send(self, text: str) -> None:
        """Send a text frame; wait until the client has room for it.

        Raises:
            TimeoutError: the client does not read.
        """
        self._run({"type": "websocket.send", "text": text})

    def close(self, code: int, reason: str = "") -> None:
        self._run({"type": "websocket.close", "code": code, "reason": reason})

    def _run(self, message: dict[str, Any]) -> None:
        sending = asyncio.run_coroutine_threadsafe(_sent(self._send, message), self._loop)
        try:
            sending.result(settings.STREAM_STALL_SECONDS)
        except TimeoutError:
            sending.cancel()
            if connections.ABORT in self._scope:
                self._loop.call_soon_threadsafe(self._scope[connections.ABORT])
            raise


async def _sent(send: Send, message: dict[str, Any]) -> None:
    await send(message)


def _serve_in_thread(socket: Socket, connection: _Connection, request: HttpRequest, path: str, address: str) -> None:
    report = Report(
        http_meter("GET", socket.operation.name),
        valid_request_id(request.META.get("HTTP_X_REQUEST_ID")),
        request.META.get("HTTP_TRACEPARENT"),
    )
    with report, fresh_connections():
        try:
            for response in _responses(socket, connection, request, path, address, report):
                connection.send(protojson.message_bytes(response).decode())
            report.code = "200"
            connection.close(1000)
        except Exception as exc:
            problem = problem_of(exc)
            report.fail(problem, exc)
            report.code = str(problem.spec.http_status)
            _report_failure(connection, problem, report.request_id)


def _responses(
    socket: Socket, connection: _Connection, request: HttpRequest, path: str, address: str, report: Report
) -> Iterator[Message]:
    operation, authorization = socket.operation, request.META.get("HTTP_AUTHORIZATION")
    ticket = parse_qs(request.META["QUERY_STRING"]).get("ticket", [""])[0]
    by_ticket = bool(ticket) and not authorization
    caller = partial(redeem_ticket, ticket, path) if by_ticket else partial(identify, operation, authorization)
    credential = admit(report, operation, caller, lambda: address)
    call = Call(operation, credential, address, request.META.get("HTTP_USER_AGENT", ""), is_charged=True)
    report.principal = call.actor.pk
    values = _match(socket, path)
    report.subject_id = next(iter(values.values()), "")
    messages = (_message(socket, frame, values) for frame in connection.frames())
    responses: Iterator[Message] = request_streams.serve(
        call, authorization, messages, connection.end, by_ticket=by_ticket
    )
    return responses


def _match(socket: Socket, path: str) -> dict[str, str]:
    found = socket.path.fullmatch(path)
    return found.groupdict() if found else {}


def _message(socket: Socket, frame: str | bytes, values: Mapping[str, str]) -> Message | ValidationError:
    try:
        if isinstance(frame, bytes):
            return socket.read_bytes(frame)
    except ValidationError as exc:
        return exc
    text = frame.encode()
    if len(text) > settings.MAX_MESSAGE_BYTES:
        return message_too_large(settings.MAX_MESSAGE_BYTES)
    message = protojson.read_item(socket.operation, text)
    if not isinstance(message, ValidationError):
        socket.complete(message, values)
    return message


def _report_failure(connection: _Connection, problem: Problem, request_id: str) -> None:
    status = problem.spec.http_status
    document = {**problems.document(problem), "status": status, "request_id": request_id}
    # OSError: the client has left, or does not read. RuntimeError: the connection is closed, or the server has ended.
    with suppress(OSError, RuntimeError):
        connection.send(json.dumps({"error": document}))
        connection.close(4000 + status, problem.reason)


def _request(scope: Scope) -> HttpRequest:
    """Return the handshake as a request of Django's, for functions that read one."""
    request = HttpRequest()
    peer, port = scope.get("client") or ("", 0)
    name, own_port = scope.get("server") or ("", 0)
    request.META = {
        "REMOTE_ADDR": peer,
        "REMOTE_PORT": str(port),
        "SERVER_NAME": name,
        "SERVER_PORT": str(own_port),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
    }
    for header, value in scope["headers"]:
        if b"_" not in header:
            key = "HTTP_" + header.decode("latin-1").upper().replace("-", "_")
            held = request.META.get(key)
            text = value.decode("latin-1")
            request.META[key] = text if held is None else f"{held}, {text}"
    return request


def _foreign(request: HttpRequest) -> Problem | None:
    """Return why a page may not connect: its origin is not this server's, nor allowed by the settings."""
    try:
        host = request.get_host()
    except DisallowedHost:
        return Problem("INVALID", "This server does not answer under that host name.")
    origin = request.META.get("HTTP_ORIGIN")
    if not origin or is_allowed(origin):
        return None
    # The proxy in front of the server may have ended HTTPS.
    own = {normalized(f"{scheme}://{host}") for scheme in ("http", "https")}
    if normalized(origin) in own - {None}:
        return None
    return Problem("FORBIDDEN", "Pages of this origin may not call this server.")


async def _refuse(send: Send, problem: Problem) -> None:
    status = problem.spec.http_status
    head, body = connections.answer_of(status, problem)
    await send({"type": "websocket.http.response.start", "status": status, "headers": head})
    await send({"type": "websocket.http.response.body", "body": body})
