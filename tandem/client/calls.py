"""Handling common to all calls: credentials, timeouts, idempotency keys, typed errors and the circuit."""

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
    """The responses of a stream, with typed errors. Other attributes are those of the grpcio call."""

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
    """Interceptor of all calls of a client.

    A unary call that is refused as UNAUTHENTICATED is retried once if there is a new token. Streams are not retried,
    because their messages can be sent only once.

    Args:
        timeout: seconds for each unary call without its own timeout.
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

    def _opened(self, continuation: Continuation, details: Any, request: Any) -> Answers:
        # Streams bypass the circuit's check, since a stream may take long to show whether the server can be reached.
        described = _described(details)
        return Answers(continuation(_signed(described, self._token(described)), request), self._circuit)

    def _answered(self, continuation: Continuation, details: _Details, request: Any) -> Any:
        call = continuation(details, request)
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
        """Return the token to send; None if the caller sends one itself, or there is none."""
        if any(key == "authorization" for key, _ in details.metadata or ()):
            return None
        try:
            return self._credentials.current()
        except Unavailable:
            self._circuit.failed()
            raise


def _report(circuit: Circuit, error: TandemError) -> None:
    """Report a call's error to the circuit."""
    if isinstance(error, Unavailable):
        circuit.failed()
    elif not isinstance(error, (DeadlineExceeded, Cancelled)):
        # Those two do not show whether the server can be reached.
        circuit.succeeded()


def authorization(token: str) -> tuple[str, str]:
    """Return the metadata that carries a token."""
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
