"""Both transports, as tests see them: one call, one answer, one kind of failure.

A test sends contract messages and does not know which transport carries them. `GrpcTransport` runs the real handlers,
interceptor and (de)serialisation in the thread and transaction of the test; `RestTransport` builds the HTTP call from
the rpc's `google.api.http` rule and parses the answer as the response message.
"""

import queue
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from access.models import Session
from access.tokens import access_token
from config.rpc import services
from core.actors import Actor
from core.operations import Operation

PATIENCE_SECONDS = 20

#: `UserService/CreateUser` → its operation; rpc names repeat between services.
OPERATIONS: dict[str, Operation] = {
    operation.name.rpartition(".")[2]: operation for service in services for operation in service.operations
}


class Failed(Exception):
    """A failed call, the same over both transports.

    Attributes:
        reason: the reason in `core.errors.TABLE`.
        violations: field, code of the broken rule and message of each violation.
        fields: invalid field → code of the broken rule.
        messages: invalid field → message; without violations the message of the failure, under "".
        metadata: further values of the failure, e.g. `current_version`.
    """

    def __init__(
        self, reason: str, message: str, violations: list[tuple[str, str, str]], metadata: dict[str, str]
    ) -> None:
        super().__init__(f"{reason}: {message} {violations or ''}")
        self.reason = reason
        self.message = message
        self.violations = violations
        self.fields = {name: code for name, code, _ in violations}
        self.messages = {name: text for name, _, text in violations} or {"": message}
        self.metadata = metadata


@dataclass
class Answer:
    """An answer: its message, and its headers or metadata."""

    message: Any
    version: int | None = None
    replayed: bool = False
    request_id: str = ""


class Watched:
    """An open stream of events: its messages, and its end or failure."""

    def __init__(self, close: Callable[[], None]) -> None:
        self.close = close
        self._received: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, received: Any) -> None:
        """Add a message, a Failed, or None for the end without failure."""
        self._received.put(received)

    def next(self) -> Any:
        """Wait for the next message, or for the end: None.

        Raises:
            Failed: the stream ended with a failure.
        """
        received = self._received.get(timeout=PATIENCE_SECONDS)
        if isinstance(received, Failed):
            raise received
        return received

    def take(self, count: int) -> list[Any]:
        return [self.next() for _ in range(count)]

    def __enter__(self) -> "Watched":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


class Transport:
    """Calls operations; `api(...)` returns the message, `api.answer(...)` also its headers or metadata."""

    name: str

    def __call__(self, operation: str, request: Any, **options: Any) -> Any:
        return self.answer(operation, request, **options).message

    def answer(
        self,
        operation: str,
        request: Any,
        *,
        actor: Actor | None = None,
        authorization: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
        idempotency_key: str | None = None,
        exact_count: bool = False,
        request_id: str | None = None,
        bulk_mode: str | None = None,
        forwarded_for: str | None = None,
    ) -> Answer:
        """Make a call.

        Args:
            operation: e.g. `UserService/CreateUser`.
            request: the request message; a list of them if the rpc takes a stream. If the rpc answers with a stream,
                the message of the answer is a list, too.
            actor: the user who calls, with a session made for the call; None = anonymous.
            authorization: the header to send instead of one for the actor.
            forwarded_for: the address of the caller that a proxy adds; it counts only behind trusted proxies.

        Raises:
            Failed
        """
        headers = {
            "authorization": authorization or (self.bearer(actor) if actor is not None else None),
            "if-match": if_match,
            "if-none-match": if_none_match,
            "idempotency-key": idempotency_key,
            "x-request-id": request_id,
            "x-bulk-mode": bulk_mode,
            "x-forwarded-for": forwarded_for,
        }
        sent = {name: value for name, value in headers.items() if value is not None}
        if OPERATIONS[operation].is_feed:
            self._watch(OPERATIONS[operation], request, sent).close()
            return Answer(None)
        if OPERATIONS[operation].answers_file:
            return Answer(self._receive_file(OPERATIONS[operation], request, sent))
        return self._send(OPERATIONS[operation], request, sent, exact_count)

    def failure(self, operation: str, request: Any, **options: Any) -> Failed:
        """Make a call that must fail, and return its failure."""
        with pytest.raises(Failed) as failed:
            self.answer(operation, request, **options)
        return failed.value

    def watch(self, operation: str, request: Any, *, actor: Actor) -> Watched:
        """Open a stream of events. Changes must be committed, and the feed must run (fixture `watching`)."""
        return self._watch(OPERATIONS[operation], request, {"authorization": self.bearer(actor)})

    def __init__(self) -> None:
        self._tokens: dict[Any, str] = {}

    def bearer(self, actor: Actor) -> str:
        """Return the `Authorization` of a session made for this user."""
        if actor.pk not in self._tokens:
            self._tokens[actor.pk] = "Bearer " + access_token(Session.objects.create(user=actor))
        return self._tokens[actor.pk]

    def _send(self, operation: Operation, request: Any, headers: dict[str, str], exact_count: bool) -> Answer:
        raise NotImplementedError

    def _receive_file(self, operation: Operation, request: Any, headers: dict[str, str]) -> list[Any]:
        raise NotImplementedError

    def _watch(self, operation: Operation, request: Any, headers: dict[str, str]) -> Watched:
        raise NotImplementedError
