"""The gRPC transport: services whose methods are derived from the operations."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

import grpc
from django.conf import settings
from django.core.exceptions import ValidationError
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from core import request_streams
from core.execution import execute, idempotency_key, is_atomic, open_stream
from core.observability.call_log import subject_of_request, subject_of_response
from core.operations import Call, Operation, operations
from core.preconditions import ANY_VERSION, expected_version
from core.rpc.feed_senders import Sender
from core.rpc.method import Handler, ServiceHandler
from core.rpc.rpc_context import RpcContext, current
from core.rpc.stream_context import StreamContext
from core.streams import STREAMS

_REPLAYED = ("idempotent-replayed", "true")


class Service(NamedTuple):
    """An entry of the list `services` in `settings.ROOT_RPCCONF`, the counterpart of an entry in `ROOT_URLCONF`.

    Attributes:
        name: with its package, e.g. `user.v1.UserService`; health and reflection know the service by it.
        handler: gives grpcio the handler of each method.
        operations: that it serves.
    """

    name: str
    handler: ServiceHandler
    operations: tuple[Operation, ...] = ()


def service(descriptor: ServiceDescriptor, handlers: ModuleType) -> Service:
    """Return the service of the descriptor, whose rpcs are served by an app's handlers."""
    return service_of(operations(descriptor, handlers))


def service_of(served: Sequence[Operation]) -> Service:
    """Return the service that serves these operations, which are all of one service."""
    name = served[0].method.containing_service.full_name
    methods = {operation.rpc: _method_handler(operation) for operation in served}
    return Service(name, grpc.method_handlers_generic_handler(name, methods), tuple(served))


def _method_handler(operation: Operation) -> Handler:
    decode, encode = operation.request_class.FromString, operation.response_class.SerializeToString
    if operation.is_feed or operation.answers_file:
        return grpc.unary_stream_rpc_method_handler(_FeedMethod(operation), decode, encode)
    if not operation.takes_stream:
        return grpc.unary_unary_rpc_method_handler(_UnaryMethod(operation), decode, encode)
    if operation.answers_stream:
        return grpc.stream_stream_rpc_method_handler(_StreamMethod(operation), decode, encode)
    return grpc.stream_unary_rpc_method_handler(_StreamMethod(operation), decode, encode)


@dataclass(frozen=True, slots=True)
class _UnaryMethod:
    """The method of a unary rpc."""

    operation: Operation

    def __call__(self, request: Message, context: grpc.ServicerContext) -> Message:
        rpc = current.get()
        call = _call(self.operation, rpc, request)
        response = execute(call, request)
        if call.replayed:
            rpc.trailing.append(_REPLAYED)
        if not rpc.report.subject_id:
            rpc.report.subject_id = subject_of_response(self.operation, response)
        return response


@dataclass(frozen=True, slots=True)
class _StreamMethod:
    """The method of an rpc whose client sends a stream. It holds a thread as long as the client sends."""

    operation: Operation

    def __call__(self, messages: Iterator[Message | ValidationError], context: grpc.ServicerContext) -> Any:
        rpc = current.get()
        call = _call(self.operation, rpc)
        return request_streams.serve(
            call,
            rpc.metadata.get("authorization"),
            messages,
            rpc.end_messages,
            certificate_uris=rpc.certificate_uris,
        )


@dataclass(frozen=True, slots=True)
class _FeedMethod:
    """The method of an rpc with a stream of responses. It releases its thread once the stream is open."""

    operation: Operation
    experimental_non_blocking: ClassVar = True

    def __call__(self, request: Message, context: grpc.ServicerContext, send: Callable[[Message | None], None]) -> None:
        rpc: Any = current.get()
        _open_feed(self.operation, rpc, request)


def _open_feed(operation: Operation, rpc: StreamContext, request: Message) -> None:
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
    feed.start(Sender(rpc, feed, stream.owner).wake)


def _call(operation: Operation, rpc: RpcContext, request: Message | None = None) -> Call:
    if request is not None:
        rpc.report.request = request
        rpc.report.subject_id = subject_of_request(operation, request)
    metadata = rpc.metadata
    return Call(
        operation,
        credential=rpc.credential,
        address=rpc.client_address(),
        user_agent=metadata.get("user-agent", ""),
        expected_version=expected_version(rpc.metadata_list("if-match"), rpc.metadata_list("if-none-match"))
        if operation.writes
        else ANY_VERSION,
        idempotency_key=idempotency_key(metadata.get("idempotency-key")),
        exact_count=metadata.get("x-total-count") == "exact",
        atomic=is_atomic(metadata.get("x-bulk-mode")),
        is_charged=True,
    )
