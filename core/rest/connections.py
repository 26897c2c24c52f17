"""Connections of the web process: uvicorn's, with limits on the resources that a silent client may hold.

- A request's head must be complete within `BODY_WAIT_SECONDS`.
- The number of connections is limited. At the limit, the connection that has been idle longest is closed for a new one;
  if all of them are busy, further ones are answered with 503, except for requests to /health.
- A client that has half-closed the connection still gets its response; so does a client that is sending a body which
  is not read, before the connection is closed.
"""

import asyncio
import json
import logging
import sys
import time
from contextlib import suppress
from typing import Any, ClassVar

import h11
from django.conf import settings

from core.context import valid_request_id
from core.errors import Problem
from core.rest import feed_responses, problems
from core.rest.compat import Application, HttpConnection, WebSocketConnection

logger = logging.getLogger(__name__)

#: The key of a request's scope for the function that aborts the connection. Closing it would wait for the client.
ABORT = "tandem.abort"
#: The key of a request's scope that is set when its client has half-closed the connection.
HALF_CLOSED = "tandem.half_closed"
#: Connections beyond the limit that are accepted only to answer 503.
_MAX_EXCESS = 32
_WARN_EVERY_SECONDS = 10.0


class Connection(HttpConnection):
    """One connection. `connection_class` creates the class that a server uses."""

    limit: ClassVar[int] = sys.maxsize
    #: The connections that wait for a request; the first has waited longest.
    waiting: ClassVar["dict[Connection, None]"] = {}
    warned_at: ClassVar[float] = -_WARN_EVERY_SECONDS

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_Transport(transport, self))  # type: ignore[arg-type]
        self.wrap_application(self._with_abort)
        self.waiting[self] = None
        self.start_timer()
        if self.connection_count > self.limit:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self.waiting.pop(self, None)
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return  # This is the rest of a body that is not read.
        super().data_received(data)
        self._look_for_head()

    def eof_received(self) -> bool:  # type: ignore[override]
        scope = self.response_scope
        if scope is None or not self.is_body_complete or feed_responses.TAKEN_OVER in scope:
            return False  # No response is left to send; for an open stream, this is the only sign of a disconnect.
        scope[HALF_CLOSED] = True
        self.close_after_response()
        return True

    def response_completed(self) -> None:
        if self.conn.their_state is h11.SEND_BODY:
            self.start_timer()  # The rest of the body is received and dropped.
        self._look_for_head()

    def upgraded(self) -> None:
        self.waiting.pop(self, None)
        self._stop_timer()

    def request_refused(self, error: BaseException | None) -> None:
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        status = getattr(error, "error_status_hint", 400)
        self._answer_and_close(status, Problem("INVALID", "The request is not valid HTTP."))

    def is_client_sending(self) -> bool:
        """Return whether a request has arrived in part, so that more of it may follow."""
        state = self.conn.their_state
        return state in (h11.SEND_BODY, h11.ERROR) or (state is h11.IDLE and bool(self.conn.trailing_data[0]))

    def _look_for_head(self) -> None:
        """Start the timer of the next request's head at its first byte. Idle connections have the keep-alive timer."""
        if self.transport.is_closing():
            return
        if self.response_scope is not None:
            self._stop_timer()
            self.waiting.pop(self, None)
        elif self.conn.their_state is h11.IDLE:
            self.waiting.setdefault(self)
            if self.conn.trailing_data[0]:
                self.stop_keep_alive_timer()  # A part of the head arrived before the last response was complete.
            if self.has_keep_alive_timer:
                self._stop_timer()
            elif self._timer is None:
                self.start_timer()

    def start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(settings.BODY_WAIT_SECONDS, self._time_out)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_out(self) -> None:
        if self.conn.our_state is not h11.IDLE:
            self.transport.abort()  # The body that is not read did not end in time.
        elif self.conn.trailing_data[0]:
            self._answer_and_close(408, Problem("DEADLINE_EXCEEDED", "The head of the request did not arrive in time."))
        else:
            self.transport.close()

    def _with_abort(self, application: Application) -> Application:
        def serve(scope: Any, receive: Any, send: Any) -> Any:
            scope[ABORT] = self.transport.abort
            return application(scope, receive, send)

        return serve

    def _make_room(self) -> None:
        longest = next(iter(self.waiting))
        if longest is not self:
            self.waiting.pop(longest)
            longest.transport.abort()
            return
        if time.monotonic() - Connection.warned_at >= _WARN_EVERY_SECONDS:
            Connection.warned_at = time.monotonic()
            logger.warning("All %d connections are in use; further ones are refused.", self.limit)
        if self.connection_count > self.limit + _MAX_EXCESS:
            self.transport.abort()
        else:
            self.wrap_application(_only_health)

    def _answer_and_close(self, status: int, problem: Problem) -> None:
        head, body = answer_of(status, problem)
        self.transport.write(self.conn.send(h11.Response(status_code=status, headers=head)) or b"")
        self.transport.write(self.conn.send(h11.Data(data=body)) or b"")
        self.transport.write(self.conn.send(h11.EndOfMessage()) or b"")
        self.transport.close()


class Socket(WebSocketConnection):
    """One connection by WebSocket."""

    abort_key = ABORT


class _Transport:
    """A transport that is closed after the client has had time to read its response.

    Closing a connection that has unread data resets it, and the client may lose the response.
    """

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        self._transport = transport
        self._connection = connection
        self._closing = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._closing or self._transport.is_closing()

    def close(self) -> None:
        if self._closing or not self._connection.is_client_sending():
            self._transport.close()
        elif not self._transport.is_closing():
            self._closing = True
            self._connection.start_timer()
            self._transport.resume_reading()
            with suppress(OSError):  # The client may have closed the connection already.
                self._transport.write_eof()


def connection_class(limit: int) -> type[Connection]:
    """Return a class of connections for one server, with this limit on their number."""

    class LimitedConnection(Connection):
        waiting: ClassVar[dict[Connection, None]] = {}

    LimitedConnection.limit = limit
    return LimitedConnection


def answer_of(status: int, problem: Problem, *, closes: bool = True) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return the head and body of a problem that is sent without Django.

    Args:
        closes: the connection is closed afterwards.
    """
    request_id = valid_request_id(None)
    document = {**problems.document(problem), "status": status, "request_id": request_id}
    body = json.dumps(document).encode()
    head = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.encode()),
    ]
    if closes:
        head.append((b"connection", b"close"))
    if problem.retry_after_seconds is not None:
        head.append((b"retry-after", str(int(problem.retry_after_seconds)).encode()))
    return head, body


async def answer(send: Any, status: int, problem: Problem, *, closes: bool = True) -> None:
    """Send a problem over ASGI, and close the connection unless the request was read whole."""
    head, body = answer_of(status, problem, closes=closes)
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


def _only_health(application: Application) -> Application:
    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith("/health"):
            await application(scope, receive, send)
        else:
            message = "The server has reached its limit of connections; try again in a second."
            await answer(send, 503, Problem("UNAVAILABLE", message, retry_after_seconds=1))

    return serve
