"""Trace spans of gRPC calls, with the caller's W3C `traceparent` as their parent. Only where traces are configured."""

from collections.abc import Iterator
from contextlib import contextmanager

from core.observability.traces import traced
from core.rpc.rpc_context import RpcContext
from telemetry import tracing


@contextmanager
def trace_call(call: RpcContext) -> Iterator[None]:
    """Open a span around the call, named by OpenTelemetry's conventions for RPC."""
    service, _, name = call.method.path.removeprefix("/").rpartition("/")
    with traced(
        f"{service}/{name}",
        kind="SERVER",
        carrier=call.metadata,
        attributes={"rpc.system": "grpc", "rpc.service": service, "rpc.method": name},
    ) as span:
        yield
        span.set_attribute("rpc.grpc.status_code", call.code.value[0])
        if call.problem is not None and call.problem.spec.http_status >= 500:
            tracing.fail(span, call.problem.reason)
