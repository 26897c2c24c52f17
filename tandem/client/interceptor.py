"""The calls of the blocking client, as an interceptor of its channel."""

from __future__ import annotations

from typing import Any, Callable, Iterator, NamedTuple

import grpc

from tandem.client.calls import Calls, Metadata
from tandem.client.runtime import run


class _Details(NamedTuple):
    """grpcio's `ClientCallDetails`, which is a class without a constructor."""

    method: str
    timeout: float | None
    metadata: Metadata | None
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


Continuation = Callable[[Any, Any], Any]


class Answers:
    """The responses of a stream, with typed errors. Other attributes are those of the grpcio call."""

    def __init__(self, call: Any, calls: Calls) -> None:
        self._call = call
        self._calls = calls

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            message = next(self._call)
        except grpc.RpcError as raised:
            raise self._calls.failure(raised) from raised
        self._calls.succeeded()
        return message

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)


class Interceptor(
    grpc.UnaryUnaryClientInterceptor,  # type: ignore[type-arg]
    grpc.UnaryStreamClientInterceptor,  # type: ignore[type-arg]
    grpc.StreamUnaryClientInterceptor,  # type: ignore[type-arg]
    grpc.StreamStreamClientInterceptor,  # type: ignore[type-arg]
):
    """Has `Calls` handle all calls of a channel."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def intercept_unary_unary(self, continuation: Continuation, details: Any, request: Any) -> Any:
        described = _described(details)._replace(timeout=self._calls.timeout(details.timeout))
        send = _sender(continuation, described, request)
        return run(self._calls.unary(details.method, request, details.metadata, send))

    def intercept_stream_unary(self, continuation: Continuation, details: Any, requests: Any) -> Any:
        return run(self._calls.requests(details.metadata, _sender(continuation, _described(details), requests)))

    def intercept_unary_stream(self, continuation: Continuation, details: Any, request: Any) -> Any:
        return self._opened(continuation, details, request)

    def intercept_stream_stream(self, continuation: Continuation, details: Any, requests: Any) -> Any:
        return self._opened(continuation, details, requests)

    def _opened(self, continuation: Continuation, details: Any, request: Any) -> Answers:
        metadata = run(self._calls.stream_metadata(details.metadata))
        return Answers(continuation(_described(details)._replace(metadata=metadata), request), self._calls)


def _sender(continuation: Continuation, details: _Details, request: Any) -> Any:
    async def send(metadata: Metadata) -> Any:
        call = continuation(details._replace(metadata=metadata), request)
        raised = call.exception()
        if raised is not None:
            raise raised
        return call

    return send


def _described(details: Any) -> _Details:
    return _Details(
        details.method,
        details.timeout,
        details.metadata,
        details.credentials,
        details.wait_for_ready,
        details.compression,
    )
