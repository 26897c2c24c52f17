"""The gRPC transport: servicers whose methods are derived from the operations, and the services of a server."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import grpc
from django.conf import settings
from django.core.exceptions import ValidationError
from google.protobuf.message import Message

from core import request_streams
from core.addresses import client_address
from core.execution import execute, idempotency_key, is_atomic, open_stream
from core.observability.call_log import subject_of_request, subject_of_response
from core.operations import Call, Operation
from core.preconditions import ANY_VERSION, expected_version
from core.rpc.call import CallbackCall, RpcCall, current
from core.rpc.feed_senders import Sender
from core.streams import STREAMS

_REPLAYED = ("idempotent-replayed", "true")


class Service(NamedTuple):
    """An entry of the list `services` in `settings.ROOT_RPCCONF`, the counterpart of an entry in `ROOT_URLCONF`.

    Attributes:
        name: with its package, e.g. `user.v1.UserService`; health and reflection know the service by it.
        add_to_server: the generated `add_<x>Servicer_to_server`.
        servicer: the result of `servicer`.
    """

    name: str
    add_to_server: Callable[[Any, grpc.Server], None]
    servicer: Any

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The operations of the service."""
        return self.servicer.operations  # type: ignore[no-any-return]


def servicer(servicer_base: type, operations: Sequence[Operation]) -> Any:
    """Create a servicer that executes these operations.

    Args:
        servicer_base: the generated `<x>Servicer`; its rpcs without an operation stay UNIMPLEMENTED.
    """
    methods: dict[str, Any] = {operation.rpc: _method(operation) for operation in operations}
    return type(servicer_base.__name__, (servicer_base,), {"operations": tuple(operations), **methods})()


def _method(operation: Operation) -> Callable[..., Any]:
    build = _feed_method if operation.is_feed else _stream_method if operation.takes_stream else _unary_method
    method: Any = build(operation)
    method.__name__ = operation.rpc
    method.operation = operation
    return method  # type: ignore[no-any-return]


def _unary_method(operation: Operation) -> Callable[..., Message]:
    def method(self: Any, request: Message, context: grpc.ServicerContext) -> Message:
        rpc = current.get()
        call = _call(operation, rpc, request)
        response = execute(call, request)
        if call.replayed:
            rpc.trailing.append(_REPLAYED)
        if not rpc.report.subject_id:
            rpc.report.subject_id = subject_of_response(operation, response)
        return response

    return method


def _stream_method(operation: Operation) -> Callable[..., Any]:
    """Create the method of an rpc whose client sends a stream. It holds a thread as long as the client sends."""

    def method(self: Any, messages: Iterator[Message | ValidationError], context: grpc.ServicerContext) -> Any:
        rpc = current.get()
        call = _call(operation, rpc)
        return request_streams.serve(call, rpc.metadata.get("authorization"), messages, rpc.end_messages)

    return method


def _feed_method(operation: Operation) -> Callable[..., None]:
    """Create the method of an rpc with a stream of responses. It releases its thread once the stream is open."""

    def method(
        self: Any, request: Message, context: grpc.ServicerContext, send: Callable[[Message | None], None]
    ) -> None:
        rpc: Any = current.get()
        _open_feed(operation, rpc, request)

    method.experimental_non_blocking = True  # type: ignore[attr-defined]
    return method


def _open_feed(operation: Operation, rpc: CallbackCall, request: Message) -> None:
    call = _call(operation, rpc, request)
    with STREAMS.place(call) as open_with:
        feed = open_stream(call, request)
        # The stream ends before the grace of an old connection does, so that the client gets a cursor and not a reset.
        grace = settings.GRPC_MAX_CONNECTION_AGE_GRACE_SECONDS
        stream = open_with(feed, max(grace - 30, grace / 2))
    rpc.ended_by = feed.end
    if not rpc.when_over(lambda: STREAMS.close(stream)):
        return
    rpc.send_head()
    feed.start(Sender(rpc, feed, operation.method.output_type, stream.owner).wake)


def _call(operation: Operation, rpc: RpcCall, request: Message | None = None) -> Call:
    if request is not None:
        rpc.report.request = request
        rpc.report.subject_id = subject_of_request(operation, request)
    metadata = rpc.metadata
    return Call(
        operation,
        credential=rpc.credential,
        address=client_address(rpc.peer, rpc.sent_lines("x-forwarded-for"), settings.GRPC_TRUSTED_PROXIES),
        user_agent=metadata.get("user-agent", ""),
        expected_version=expected_version(rpc.metadata_list("if-match"), rpc.metadata_list("if-none-match"))
        if operation.writes
        else ANY_VERSION,
        idempotency_key=idempotency_key(metadata.get("idempotency-key")),
        exact_count=metadata.get("x-total-count") == "exact",
        atomic=is_atomic(metadata.get("x-bulk-mode")),
    )
