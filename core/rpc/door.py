"""The gRPC door: servicers whose methods are read off the operations, and the table of what a server serves."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import Message

from core.addresses import client_address
from core.operations import Call, Operation, expected_version, idempotency_key, perform
from core.reporting import subject_of_request, subject_of_response
from core.rpc.call import RpcCall, current

_REPLAYED = ("idempotent-replayed", "true")


class Service(NamedTuple):
    """One line of `settings.ROOT_RPCCONF`, the twin of a line in `ROOT_URLCONF`: that module's list `services`.

    Attributes:
        name: with its package, e.g. `user.v1.UserService`; health is answered for it, and reflection tells of it.
        add_to_server: the generated `add_<x>Servicer_to_server`.
        servicer: what `servicer` made.
    """

    name: str
    add_to_server: Callable[[Any, grpc.Server], None]
    servicer: Any

    @property
    def operations(self) -> tuple[Operation, ...]:
        """What the service performs."""
        return self.servicer.operations  # type: ignore[no-any-return]


def servicer(servicer_base: type, operations: Sequence[Operation]) -> Any:
    """A servicer that performs these operations.

    Args:
        servicer_base: the generated `<x>Servicer`; those of its rpcs that no operation names stay UNIMPLEMENTED.
    """
    methods: dict[str, Any] = {operation.rpc: _method(operation) for operation in operations}
    return type(servicer_base.__name__, (servicer_base,), {"operations": tuple(operations), **methods})()


def _method(operation: Operation) -> Callable[..., Message]:
    def method(self: Any, request: Message, context: grpc.ServicerContext) -> Message:
        rpc = current.get()
        report = rpc.report
        report.request = request
        report.subject_id = subject_of_request(operation, request)
        call = _call(operation, rpc)
        response = perform(call, request)
        if call.replayed:
            rpc.trailing.append(_REPLAYED)
        if not report.subject_id:
            report.subject_id = subject_of_response(operation, response)
        return response

    method.__name__ = operation.rpc
    method.operation = operation  # type: ignore[attr-defined]
    return method


def _call(operation: Operation, rpc: RpcCall) -> Call:
    sent = rpc.metadata
    return Call(
        operation,
        credential=rpc.credential,
        address=client_address(rpc.peer, sent.get("x-forwarded-for")),
        user_agent=sent.get("user-agent", ""),
        expected_version=expected_version(sent.get("if-match")) if operation.writes else None,
        idempotency_key=idempotency_key(sent.get("idempotency-key")),
        exact_count=sent.get("x-total-count") == "exact",
    )
