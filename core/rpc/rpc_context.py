"""One call, from its arrival to its end."""

import time
from collections.abc import Iterator
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, cast

import grpc
from django.conf import settings

from core.addresses import client_address
from core.auth import ANONYMOUS, Credential
from core.concurrency.thread_pool import ThreadPool
from core.context import valid_request_id
from core.errors import Cancelled, Failure, Problem, RateLimited, problem_of
from core.observability.call_log import Report
from core.rpc import problems
from core.rpc.compat import Messages
from core.rpc.method import Method
from core.rpc.peers import address_of_peer
from core.rpc.stall_watchdog import StallWatchdog, no_message_within
from core.streams import LAST_CHANCE_SECONDS

Metadatum = tuple[str, str | bytes]

#: The call that the current thread serves.
current: ContextVar["RpcContext"] = ContextVar("current")


class _Response:
    """A response that is being sent; another thread may wait for the call's next message at the same time."""

    __slots__ = ("_call",)

    def __init__(self, call: "RpcContext") -> None:
        self._call = call

    def cut(self) -> None:
        """End the call of a client that has not read the response for too long."""
        self._call.end_messages(RateLimited("The responses were not read for too long.", 1))


class RpcContext:
    """One call, from its arrival to its end.

    Attributes:
        messages: the request messages as bytes; a unary call has one.
        context: grpcio's. Only `set_status` writes the call's status and trailing metadata to it.
        metadata: the client's invocation metadata.
        trailing: metadata for the client at the end of the call.
        request: the request message, or an iterator over them; set by the interceptor `receive_request`.
        credential: the caller's credential; set by the interceptor `authenticate_caller`.
        problem: the call's failure, once it has failed.
        failure: the failure with which the server ended the messages; None if `messages` is a `Messages`, which has it.
        guard: watches threads that wait for this call's client.
        pool: the pool of these threads.
    """

    __slots__ = (
        "_cancelled_at",
        "_patience",
        "_response",
        "context",
        "credential",
        "failure",
        "guard",
        "messages",
        "metadata",
        "method",
        "pool",
        "problem",
        "report",
        "request",
        "trailing",
    )

    def __init__(
        self,
        method: Method,
        messages: Iterator[bytes],
        context: grpc.ServicerContext,
        guard: StallWatchdog,
        pool: ThreadPool | None = None,
    ) -> None:
        self.method = method
        self.messages = messages
        self.context = context
        self.guard = guard
        self.pool = pool
        self.metadata: dict[str, Any] = dict(context.invocation_metadata() or ())
        request_id = valid_request_id(self.metadata.get("x-request-id"))
        self.report = Report(method.meter, request_id, self.metadata.get("traceparent"))
        self.trailing: list[Metadatum] = [("x-request-id", request_id)]
        self.request: Any = None
        self.credential: Credential = ANONYMOUS
        self.problem: Problem | None = None
        self.failure: Failure | None = None
        self._cancelled_at: float | None = None
        self._patience = guard.patience
        self._response: _Response | None = None

    @property
    def actor(self) -> Any:
        """The caller: a user, or AnonymousUser."""
        return self.credential.actor

    def metadata_list(self, name: str) -> str | None:
        """Join all entries of this metadata as HTTP joins header lines; None = there is no entry."""
        values = [str(value) for key, value in self.context.invocation_metadata() or () if key == name]
        return ", ".join(values) if values else None

    @property
    def peer(self) -> str:
        """The address at the other end of the connection, with its port; empty for a Unix socket."""
        return address_of_peer(self.context.peer())

    @property
    def certificate_uris(self) -> list[str]:
        """The URIs among the subject alternative names of the client's verified certificate."""
        found: Any = self.context.auth_context().get("peer_uri", ())  # Of bytes, unlike grpc-stubs declares it.
        return [uri.decode(errors="replace") for uri in found]

    def client_address(self) -> str:
        """Return the caller's network address, in its canonical form and without port."""
        return client_address(self.peer, self.sent_lines("x-forwarded-for"), settings.GRPC_TRUSTED_PROXIES)

    def sent_lines(self, name: str) -> list[str]:
        """Return every entry of this metadata; a client may send one name more than once."""
        return [str(value) for key, value in self.context.invocation_metadata() or () if key == name]

    def fail(self, raised: BaseException) -> None:
        """Record that the call fails with this exception."""
        self.fail_with(problem_of(raised), raised)

    def fail_with(self, problem: Problem, raised: BaseException | None = None) -> None:
        """Record that the call fails with this problem."""
        self.problem = problem
        self.report.fail(problem, raised)
        self.report.code = self.code.name

    def succeed(self) -> None:
        """Record that the behaviour has returned without an exception."""
        self.report.code = self.code.name

    @property
    def code(self) -> grpc.StatusCode:
        """The call's status code. A code that the behaviour set itself, as grpcio's services do, is kept."""
        if self.problem is not None:
            return problems.status_code(self.problem)
        return self.set_code or grpc.StatusCode.OK

    @property
    def set_code(self) -> grpc.StatusCode | None:
        """The code that the behaviour set on grpcio's context, if any."""
        code: grpc.StatusCode | None = self.context.code()  # type: ignore[attr-defined]
        return code

    def set_status(self) -> None:
        """Set the status and trailing metadata that grpcio sends to the client when the call ends."""
        context = self.context
        trailing = self.trailing
        if (budget := self.report.budget) is not None:
            trailing = [*trailing, *((name.lower(), value) for name, value in budget.headers())]
        if (problem := self.problem) is not None:
            context.set_code(problems.status_code(problem))
            context.set_details(problems.status_message(problem))
            trailing = [*trailing, *problems.trailing_metadata(problem)]
        context.set_trailing_metadata((*(context.trailing_metadata() or ()), *trailing))

    def send_head(self) -> None:
        """Send the initial metadata at once, although the first message may follow much later.

        Otherwise clients that wait for the metadata when they open a stream would hang on a quiet one.
        """
        with suppress(grpc.RpcError):  # A disconnect is noticed by the code that follows.
            self.context.send_initial_metadata(())

    def next_message(self, patience: float) -> bytes | None:
        """Wait for the client's next message; None if there is none.

        Args:
            patience: seconds after which the guard cuts the call.

        Raises:
            Cancelled: the call is cancelled.
            Failure: the server has ended the messages.
        """
        self._patience = patience
        self.guard.watch(self, self.pool, patience)
        message = None
        try:
            message = next(self.messages, None)
        except grpc.RpcError:
            pass  # grpcio ends the iteration of a cancelled call with an error, or as if there were no more messages.
        finally:
            self.guard.unwatch(self)
        if message is None:
            self._check_open()
        return message

    def begin_sending(self) -> None:
        """Record that this thread sends a response. The guard cuts the call if its client does not read it in time."""
        self._response = _Response(self)
        self.guard.watch(self._response, self.pool, settings.STREAM_STALL_SECONDS)

    def end_sending(self) -> None:
        """Record that the response has been sent, or never will be."""
        response, self._response = self._response, None  # It refers to the call, and would keep it.
        if response is not None:
            self.guard.unwatch(response)

    def end_messages(self, failure: Failure) -> None:
        """Make the call's thread raise this failure at its current or next wait for a message. May run in any thread.

        If it is called again after a while, it cancels the rpc, because the client does not read the responses.
        """
        if self._cancelled_at is None:
            self._cancelled_at = time.monotonic() + LAST_CHANCE_SECONDS
            if isinstance(self.messages, Messages):
                self.messages.end(failure)
                return
            self.failure = failure
        elif time.monotonic() < self._cancelled_at:
            return
        self.context.cancel()  # type: ignore[no-untyped-call]

    def cut(self) -> None:
        """End the messages of a client that has sent nothing for too long."""
        self.end_messages(no_message_within(self._patience))

    def _check_open(self) -> None:
        ended = self.messages if isinstance(self.messages, Messages) else self
        if ended.failure is not None:
            raise _taken_failure(ended)
        if not self.context.is_active():
            raise Cancelled("The client disconnected before its message was complete.")


def _taken_failure(of: RpcContext | Messages) -> Failure:
    """Remove the failure and return it, to raise it. If it were kept, its traceback would keep the call."""
    failure, of.failure = cast(Failure, of.failure), None
    return failure
