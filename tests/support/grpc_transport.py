"""Operations over gRPC, as tests call them: the real handlers and interceptor, without a connection."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from config.rpc import services
from core.errors import TABLE
from core.operations import Operation
from core.rpc.feed_pools import FeedPools
from core.rpc.interceptors import Interceptor
from tests.support.transports import Answer, Failed, Transport, Watched


class GrpcTransport(Transport):
    name = "grpc"

    def __init__(self) -> None:
        super().__init__()
        self.feed_pools = FeedPools()
        self.handlers = Handlers(self.feed_pools)

    def _send(self, operation: Operation, request: Any, headers: dict[str, str], exact_count: bool) -> Answer:
        if exact_count:
            headers = headers | {"x-total-count": "exact"}
        context = CallContext(tuple(headers.items()))
        # The interceptor takes a unary call's message as a stream of one, and as bytes.
        sent = iter([one.SerializeToString() for one in (request if operation.takes_stream else [request])])
        handler = self.handlers[f"/{operation.name}"]
        serve = handler.stream_stream if operation.answers_stream else handler.stream_unary
        answer = serve(sent, context)
        if operation.answers_stream:
            answer = list(answer)
        metadata = dict(context.sent_metadata)
        if context.code() is not grpc.StatusCode.OK:
            raise _failed_over_grpc(context, metadata)
        if operation.answers_stream:
            return Answer(list(map(operation.response_class.FromString, answer)), request_id=metadata["x-request-id"])
        message = operation.response_class.FromString(answer)
        return Answer(
            message,
            version=_version(operation, message),
            replayed=metadata.get("idempotent-replayed") == "true",
            request_id=metadata["x-request-id"],
        )

    def _receive_file(self, operation: Operation, request: Any, headers: dict[str, str]) -> list[Any]:
        with self._watch(operation, request, headers) as received:
            return list(iter(received.next, None))

    def _watch(self, operation: Operation, request: Any, headers: dict[str, str]) -> Watched:
        context = CallContext(tuple(headers.items()))
        watched = Watched(context.end)

        def send(encoded: bytes | None) -> None:
            if encoded is not None:
                watched.put(operation.response_class.FromString(encoded))
                return
            failed = context.code() is not grpc.StatusCode.OK
            watched.put(_failed_over_grpc(context, dict(context.sent_metadata)) if failed else None)
            context.end()

        handler: Any = self.handlers[f"/{operation.name}"]
        handler.stream_stream(iter([request.SerializeToString()]), context, send)
        if context.code() is not grpc.StatusCode.OK:
            raise _failed_over_grpc(context, dict(context.sent_metadata))
        return watched


def _failed_over_grpc(context: "CallContext", metadata: Mapping[str, Any]) -> Failed:
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    assert status.code == context.code().value[0]
    assert status.message == context.details()
    details: dict[type[Message], Message] = {}
    for packed in status.details:
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo):
            if packed.Is(kind.DESCRIPTOR):
                assert kind not in details
                details[kind] = kind.FromString(packed.value)
    info: Any = details[error_details_pb2.ErrorInfo]
    assert info.domain == "tandem"
    assert TABLE[info.reason].grpc_code == status.code
    bad: Any = details.get(error_details_pb2.BadRequest, error_details_pb2.BadRequest())
    violations = [(v.field, v.reason.lower(), v.description) for v in bad.field_violations]
    return Failed(info.reason, status.message, violations, dict(info.metadata))


def _version(operation: Operation, message: Any) -> int | None:
    """Return the version that REST sends as ETag."""
    resource = getattr(message, operation.http.response_body) if operation.http.response_body else message
    audit = getattr(resource, "audit", None)
    return (audit.version if audit is not None else getattr(resource, "version", 0)) or None


class Handlers(dict[str, grpc.RpcMethodHandler]):
    """The handler of each method, wrapped as the server wraps it. The first call of a method makes its handler."""

    def __init__(self, feed_pools: FeedPools) -> None:
        super().__init__()
        self._interceptor = Interceptor(feed_pools=feed_pools)

    def __missing__(self, method: str) -> grpc.RpcMethodHandler:
        self[method] = self._interceptor.intercept_service(_registered, Details(method))
        return self[method]


def _registered(details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
    return next(filter(None, (service.handler.service(details) for service in services)), None)


@dataclass
class Details(grpc.HandlerCallDetails):
    """The method that grpcio requests a handler for."""

    method: str
    invocation_metadata: Any = ()


@dataclass
class CallContext(grpc.ServicerContext):
    """The context of one call, without a connection."""

    metadata: tuple[tuple[str, str], ...]
    sent_metadata: list[tuple[str, Any]] = field(default_factory=list)
    _code: grpc.StatusCode = grpc.StatusCode.OK
    _details: str = ""
    _callbacks: list[Callable[[], None]] = field(default_factory=list)

    def invocation_metadata(self) -> Any:
        return self.metadata

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1234"

    def time_remaining(self) -> float:
        return 9.2e18  # As in grpcio when the caller set no deadline.

    def is_active(self) -> bool:
        return True

    def add_callback(self, callback: Any) -> bool:
        self._callbacks.append(callback)
        return True

    def end(self) -> None:
        """End the call."""
        for callback in self._callbacks:
            callback()

    def send_initial_metadata(self, initial_metadata: Any) -> None:
        self.sent_metadata += initial_metadata

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        self.sent_metadata += trailing_metadata

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code

    def set_details(self, details: str) -> None:
        self._details = details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> Any:
        return self.sent_metadata

    def cancel(self) -> None:
        raise AssertionError("a call that is answered is not cancelled")

    def peer_identities(self) -> Any:
        return None

    def peer_identity_key(self) -> Any:
        return None

    def auth_context(self) -> Any:
        return {}

    def abort(self, code: Any, details: str) -> Any:
        raise AssertionError("servicers never abort")

    def abort_with_status(self, status: Any) -> Any:
        raise AssertionError("servicers never abort")
