"""An rpc method as the server sees it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc

from core.concurrency.thread_pool import ThreadPool
from core.observability import call_log
from core.operations import Operation

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]
    ServiceHandler = grpc.GenericRpcHandler[Any, Any]
else:
    Handler = grpc.RpcMethodHandler
    ServiceHandler = grpc.GenericRpcHandler


def _unchanged(message: Any) -> Any:
    return message


class Method:
    """One rpc method, with everything precomputed that is the same for all its calls.

    Attributes:
        behaviour: the servicer's method.
        operation: the operation that it executes, if `core.rpc.servicers` created it.
        decode: bytes → request message.
        encode: response message → bytes.
        of_the_server: health and reflection, which use neither users nor the database.
        non_blocking: the behaviour takes a callback, returns at once and sends from any thread later.
        thread_pool: the behaviour's own pool, if it has one.
    """

    def __init__(self, path: str, handler: Handler) -> None:
        service, _, name = path.removeprefix("/").rpartition("/")
        self.path = path
        self.request_streaming: bool = handler.request_streaming
        self.response_streaming: bool = handler.response_streaming
        self.behaviour: Any = (
            handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        )
        self.decode: Callable[[bytes], Any] = handler.request_deserializer or _unchanged
        self.encode: Callable[[Any], bytes] = handler.response_serializer or _unchanged
        self.operation: Operation | None = getattr(self.behaviour, "operation", None)
        self.of_the_server = service.startswith("grpc.")
        self.non_blocking = bool(getattr(self.behaviour, "experimental_non_blocking", False))
        self.thread_pool: ThreadPool | None = getattr(self.behaviour, "experimental_thread_pool", None)
        kind = call_log.grpc_kind(self.request_streaming, self.response_streaming)
        self.meter = call_log.grpc_meter(kind, service, name)
        self.started = call_log.GRPC_STARTED.labels(kind, service, name)
