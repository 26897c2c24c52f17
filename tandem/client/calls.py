"""Handling common to all calls: credentials, timeouts, idempotency keys, typed errors and the circuit."""

from __future__ import annotations

import uuid
from typing import Any, Awaitable, Callable, Iterable, Sequence, TypeVar

import grpc

from tandem.client.channel import KEYED
from tandem.client.circuit import Circuit
from tandem.client.errors import Cancelled, DeadlineExceeded, TandemError, Unauthenticated, Unavailable, error_of
from tandem.client.tokens import Credentials

Metadata = Sequence["tuple[str, str | bytes]"]
Result = TypeVar("Result")
#: Makes a call with this metadata, and raises grpcio's error if it fails.
Send = Callable[[Metadata], Awaitable[Result]]


class Calls:
    """The steps of the calls of a client.

    A unary call that is refused as UNAUTHENTICATED is retried once if there is a new token. Streams are not retried,
    because their messages can be sent only once.

    Args:
        timeout: seconds for each unary call without its own timeout.
    """

    def __init__(self, credentials: Credentials, circuit: Circuit, timeout: float) -> None:
        self._credentials = credentials
        self._circuit = circuit
        self._timeout = timeout

    def timeout(self, requested: float | None) -> float:
        """Return the timeout of a unary call for which the caller requested this one, or none."""
        return self._timeout if requested is None else requested

    async def unary(self, path: str, request: Any, metadata: Any, send: Send[Result]) -> Result:
        """Make a unary call."""
        described = tuple(metadata or ())
        if path in KEYED and not getattr(request, "request_id", ""):
            described = with_metadata(described, "idempotency-key", str(uuid.uuid4()))
        self._circuit.check()
        token = await self._token(described)
        try:
            return await self._sent(send, _signed(described, token))
        except Unauthenticated:
            if token is None or not await self._credentials.renew(token):
                raise
        return await self._sent(send, _signed(described, await self._token(described)))

    async def requests(self, metadata: Any, send: Send[Result]) -> Result:
        """Make a call that sends a stream, and receives one message."""
        described = tuple(metadata or ())
        self._circuit.check()
        return await self._sent(send, _signed(described, await self._token(described)))

    async def stream_metadata(self, metadata: Any) -> Metadata:
        """Return the metadata with which to open a stream of responses.

        Streams bypass the circuit's check, since a stream may take long to show whether the server can be reached.
        """
        described = tuple(metadata or ())
        return _signed(described, await self._token(described))

    def failure(self, raised: grpc.RpcError) -> TandemError:
        """Return the typed error for grpcio's, after reporting it to the circuit."""
        error = error_of(raised)
        if isinstance(error, Unavailable):
            self._circuit.failed()
        elif not isinstance(error, (DeadlineExceeded, Cancelled)):
            # Those two do not show whether the server can be reached.
            self._circuit.succeeded()
        return error

    def succeeded(self) -> None:
        """Report a response of the server to the circuit."""
        self._circuit.succeeded()

    async def _sent(self, send: Send[Result], metadata: Metadata) -> Result:
        try:
            result = await send(metadata)
        except grpc.RpcError as raised:
            raise self.failure(raised) from raised
        self._circuit.succeeded()
        return result

    async def _token(self, metadata: Metadata) -> str | None:
        """Return the token to send; None if the caller sends one itself, or there is none."""
        if any(key == "authorization" for key, _ in metadata):
            return None
        try:
            return await self._credentials.current()
        except Unavailable:
            self._circuit.failed()
            raise


def authorization(token: str) -> tuple[str, str]:
    """Return the metadata that carries a token."""
    return "authorization", f"Bearer {token}"


def with_metadata(metadata: Iterable[tuple[str, str | bytes]], key: str, value: str) -> tuple[Any, ...]:
    """Return the metadata with this key, whose value stays if there is one."""
    present = tuple(metadata)
    return present if any(name == key for name, _ in present) else (*present, (key, value))


def _signed(metadata: tuple[Any, ...], token: str | None) -> Metadata:
    return metadata if token is None else with_metadata(metadata, *authorization(token))
