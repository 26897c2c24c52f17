"""The calls of the asyncio client, as interceptors of its channel."""

from __future__ import annotations

from typing import Any, AsyncIterator, Awaitable, Callable

import grpc
from grpc import aio

from tandem.client.calls import Calls, Metadata
from tandem.client.errors import TandemError
from tandem.client.runtime import run

Continuation = Callable[[Any, Any], Awaitable[Any]]


class _UnaryUnary(aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        described = details._replace(timeout=self._calls.timeout(details.timeout))
        send = _sender(continuation, described, request)
        return await _answered(self._calls.unary(_path(details), request, details.metadata, send))


class _StreamUnary(aio.StreamUnaryClientInterceptor):  # type: ignore[type-arg]
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def intercept_stream_unary(self, continuation: Any, details: Any, requests: Any) -> Any:
        send = _sender(continuation, details, requests, is_stream=True)
        return await _answered(self._calls.requests(details.metadata, send))


class _UnaryStream(aio.UnaryStreamClientInterceptor):  # type: ignore[type-arg]
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return await _answered(_opened(self._calls, continuation, details, request))


class _StreamStream(aio.StreamStreamClientInterceptor):  # type: ignore[type-arg]
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def intercept_stream_stream(self, continuation: Any, details: Any, requests: Any) -> Any:
        return await _opened(self._calls, continuation, details, requests)


def interceptors(calls: Calls) -> list[Any]:
    """Return interceptors that have `Calls` handle all calls of a channel; grpcio takes one for each kind of call."""
    return [_UnaryUnary(calls), _StreamUnary(calls), _UnaryStream(calls), _StreamStream(calls)]


_REPLACEMENT = "Internal error from Core"


class _ServerStatus:
    """The status with which the server has ended a call that sends a stream.

    grpcio replaces it by INTERNAL if the client was sending its next message at that moment (grpc issue 36066).
    """

    def __init__(self, call: Any) -> None:
        self._error: aio.AioRpcError | None = None
        call.add_done_callback(self._keep)

    def original(self, raised: aio.AioRpcError) -> aio.AioRpcError:
        """Return the server's error, also if grpcio has replaced it."""
        return self._error if self._error and raised.details() == _REPLACEMENT else raised

    def _keep(self, call: Any) -> None:
        # The call has ended, so none of these waits; a moment later the status may be another one.
        if (code := run(call.code())) is not grpc.StatusCode.OK:
            metadata, trailing = run(call.initial_metadata()), run(call.trailing_metadata())
            self._error = aio.AioRpcError(code, metadata, trailing, run(call.details()), run(call.debug_error_string()))


class _Failed(aio.UnaryUnaryCall, aio.StreamUnaryCall, aio.UnaryStreamCall, aio.StreamStreamCall):  # type: ignore[type-arg]
    """A call that has failed, of any kind.

    Interceptors return it, since many releases of grpcio (1.49 and 1.70 are two) print the errors that they raise.
    """

    def __init__(self, error: TandemError) -> None:
        self._error = error

    def cancel(self) -> bool:
        return False

    def cancelled(self) -> bool:
        return False

    def done(self) -> bool:
        return True

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        callback(self)

    def time_remaining(self) -> float | None:
        return None

    async def initial_metadata(self) -> aio.Metadata:
        return aio.Metadata()

    async def trailing_metadata(self) -> aio.Metadata:
        return aio.Metadata()

    async def code(self) -> grpc.StatusCode:
        return self._error.code

    async def details(self) -> str:
        return self._error.message

    async def debug_error_string(self) -> str:
        return str(self._error)

    async def wait_for_connection(self) -> None:
        raise self._error

    def __await__(self) -> Any:
        return self.read().__await__()

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        raise self._error

    async def read(self) -> Any:
        raise self._error

    async def write(self, request: Any) -> None:
        raise self._error

    async def done_writing(self) -> None:
        raise self._error


async def _answered(steps: Awaitable[Any]) -> Any:
    """Return the call that these steps make, or the failed one."""
    try:
        return await steps
    except TandemError as error:
        return _Failed(error)


def _sender(
    continuation: Continuation, details: Any, request: Any, *, is_stream: bool = False
) -> Callable[[Metadata], Awaitable[Any]]:
    async def send(metadata: Metadata) -> Any:
        call = await continuation(_with(details, metadata), request)
        if not is_stream:
            # Waits for the response, which the call keeps.
            await call
            return call
        status = _ServerStatus(call)
        try:
            await call
        except aio.AioRpcError as raised:
            raise status.original(raised) from None
        return call

    return send


async def _opened(calls: Calls, continuation: Continuation, details: Any, request: Any) -> AsyncIterator[Any]:
    metadata = await calls.stream_metadata(details.metadata)
    return _answers(calls, await continuation(_with(details, metadata), request))


async def _answers(calls: Calls, call: Any) -> AsyncIterator[Any]:
    """Yield the responses of a stream, and raise typed errors."""
    status = _ServerStatus(call)
    try:
        async for message in call:
            calls.succeeded()
            yield message
    except aio.AioRpcError as raised:
        error = status.original(raised)
        raise calls.failure(error) from error


def _path(details: Any) -> str:
    # Annotated as a text by grpcio, which passes bytes.
    return details.method.decode() if isinstance(details.method, bytes) else str(details.method)


def _with(details: Any, metadata: Metadata) -> Any:
    return details._replace(metadata=aio.Metadata(*metadata))
