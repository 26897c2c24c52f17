"""The calls of the asyncio client, as interceptors of its channel."""

from __future__ import annotations

from typing import Any, AsyncIterator, Awaitable, Callable

import grpc
from grpc import aio

from tandem.client.calls import Calls, Metadata

Continuation = Callable[[Any, Any], Awaitable[Any]]


class _UnaryUnary(aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        described = details._replace(timeout=self._calls.timeout(details.timeout))
        send = _sender(continuation, described, request)
        return await self._calls.unary(_path(details), request, details.metadata, send)


class _StreamUnary(aio.StreamUnaryClientInterceptor):  # type: ignore[type-arg]
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def intercept_stream_unary(self, continuation: Any, details: Any, requests: Any) -> Any:
        return await self._calls.requests(details.metadata, _sender(continuation, details, requests))


class _UnaryStream(aio.UnaryStreamClientInterceptor):  # type: ignore[type-arg]
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return await _opened(self._calls, continuation, details, request)


class _StreamStream(aio.StreamStreamClientInterceptor):  # type: ignore[type-arg]
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def intercept_stream_stream(self, continuation: Any, details: Any, requests: Any) -> Any:
        return await _opened(self._calls, continuation, details, requests)


def interceptors(calls: Calls) -> list[Any]:
    """Return interceptors that have `Calls` handle all calls of a channel; grpcio takes one for each kind of call."""
    return [_UnaryUnary(calls), _StreamUnary(calls), _UnaryStream(calls), _StreamStream(calls)]


def _sender(continuation: Continuation, details: Any, request: Any) -> Callable[[Metadata], Awaitable[Any]]:
    async def send(metadata: Metadata) -> Any:
        call = await continuation(_with(details, metadata), request)
        # Waits for the response, which the call keeps.
        await call
        return call

    return send


async def _opened(calls: Calls, continuation: Continuation, details: Any, request: Any) -> AsyncIterator[Any]:
    metadata = await calls.stream_metadata(details.metadata)
    return _answers(calls, await continuation(_with(details, metadata), request))


async def _answers(calls: Calls, call: Any) -> AsyncIterator[Any]:
    """Yield the responses of a stream, and raise typed errors."""
    try:
        async for message in call:
            calls.succeeded()
            yield message
    except grpc.RpcError as raised:
        raise calls.failure(raised) from raised


def _path(details: Any) -> str:
    # Annotated as a text by grpcio, which passes bytes.
    return details.method.decode() if isinstance(details.method, bytes) else str(details.method)


def _with(details: Any, metadata: Metadata) -> Any:
    return details._replace(metadata=aio.Metadata(*metadata))
