"""What is done around each call: who calls, until when, under which idempotency key, and what became of it."""

from __future__ import annotations

import uuid
from typing import Any, Callable, Iterator, NamedTuple, Sequence

import grpc

from tandem.client.channel import KEYED
from tandem.client.circuit import Circuit
from tandem.client.errors import Cancelled, DeadlineExceeded, TandemError, Unauthenticated, Unavailable, error_of
from tandem.client.tokens import Credentials

Metadata = Sequence["tuple[str, str | bytes]"]


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
    """The answers of a stream, with typed errors; whatever else a grpcio call can do, this does."""

    def __init__(self, call: Any, circuit: Circuit) -> None:
        self._call = call
        self._circuit = circuit

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            message = next(self._call)
        except grpc.RpcError as raised:
            error = error_of(raised)
            _report(self._circuit, error)
            raise error from raised
        self._circuit.succeeded()
        return message

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)


class Calls(
    grpc.UnaryUnaryClientInterceptor,  # type: ignore[type-arg]
    grpc.UnaryStreamClientInterceptor,  # type: ignore[type-arg]
    grpc.StreamUnaryClientInterceptor,  # type: ignore[type-arg]
    grpc.StreamStreamClientInterceptor,  # type: ignore[type-arg]
):
    """Every call of a client goes through here.

    A call that is refused as UNAUTHENTICATED is made once more if there is a new token; the messages of a stream can be
    sent only once, so those are not.

    Args:
        timeout: seconds for each unary call that brings no timeout of its own.
    """

    def __init__(self, credentials: Credentials, circuit: Circuit, timeout: float) -> None:
        self._credentials = credentials
        self._circuit = circuit
        self._timeout = timeout

    def intercept_unary_unary(self, continuation: Continuation, details: Any, request: Any) -> Any:
        described = _described(details, self._timeout)
        if described.method in KEYED and not getattr(request, "request_id", ""):
            described = _with_metadata(described, "idempotency-key", str(uuid.uuid4()))
        self._circuit.check()
        token = self._token(described)
        try:
            return self._answered(continuation, _signed(described, token), request)
        except Unauthenticated:
            if token is None or not self._credentials.renew(token):
                raise
        return self._answered(continuation, _signed(described, self._token(described)), request)

    def intercept_stream_unary(self, continuation: Continuation, details: Any, requests: Any) -> Any:
        described = _described(details)
        self._circuit.check()
        return self._answered(continuation, _signed(described, self._token(described)), requests)

    def intercept_unary_stream(self, continuation: Continuation, details: Any, request: Any) -> Any:
        return self._opened(continuation, details, request)

    def intercept_stream_stream(self, continuation: Continuation, details: Any, requests: Any) -> Any:
        return self._opened(continuation, details, requests)

    def _opened(self, continuation: Continuation, details: Any, sent: Any) -> Answers:
        # Not held back by the circuit: it may be long until a stream says whether the server is there.
        described = _described(details)
        return Answers(continuation(_signed(described, self._token(described)), sent), self._circuit)

    def _answered(self, continuation: Continuation, details: _Details, sent: Any) -> Any:
        call = continuation(details, sent)
        raised = call.exception()
        if raised is None:
            self._circuit.succeeded()
            return call
        if not isinstance(raised, grpc.RpcError):
            raise raised
        error = error_of(raised)
        _report(self._circuit, error)
        raise error from raised

    def _token(self, details: _Details) -> str | None:
        """The token to show; None if the caller shows one, or there is none."""
        if any(key == "authorization" for key, _ in details.metadata or ()):
            return None
        try:
            return self._credentials.current()
        except Unavailable:
            self._circuit.failed()
            raise


def _report(circuit: Circuit, error: TandemError) -> None:
    """Tells the circuit what a call failed with."""
    if isinstance(error, Unavailable):
        circuit.failed()
    elif not isinstance(error, (DeadlineExceeded, Cancelled)):
        # Those two say nothing of whether the server is there.
        circuit.succeeded()


def authorization(token: str) -> tuple[str, str]:
    """The metadata that shows a token."""
    return "authorization", f"Bearer {token}"


def _described(details: Any, timeout: float | None = None) -> _Details:
    return _Details(
        details.method,
        timeout if details.timeout is None else details.timeout,
        details.metadata,
        details.credentials,
        details.wait_for_ready,
        details.compression,
    )


def _signed(details: _Details, token: str | None) -> _Details:
    return details if token is None else _with_metadata(details, *authorization(token))


def _with_metadata(details: _Details, key: str, value: str) -> _Details:
    metadata = tuple(details.metadata or ())
    if any(name == key for name, _ in metadata):
        return details
    return details._replace(metadata=(*metadata, (key, value)))
