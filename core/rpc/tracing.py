"""Trace spans (OpenTelemetry), with the caller's W3C `traceparent` as their parent. Only with TRACING=true.

The requirements include the packages only for the tests; operators who use tracing add an exporter.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from django.core.exceptions import ImproperlyConfigured

from core.rpc.rpc_context import RpcContext


@contextmanager
def trace_call(call: RpcContext) -> Iterator[None]:
    """Open a span around the call, named by OpenTelemetry's conventions for RPC."""
    propagate, trace = import_module("opentelemetry.propagate"), import_module("opentelemetry.trace")
    service, _, name = call.method.path.removeprefix("/").rpartition("/")
    with trace.get_tracer("tandem").start_as_current_span(
        f"{service}/{name}",
        context=propagate.extract(call.metadata),
        kind=trace.SpanKind.SERVER,
        attributes={"rpc.system": "grpc", "rpc.service": service, "rpc.method": name},
    ) as span:
        yield
        span.set_attribute("rpc.grpc.status_code", call.code.value[0])
        if call.problem is not None and call.problem.spec.http_status >= 500:
            span.set_status(trace.StatusCode.ERROR, call.problem.reason)


def check_installed() -> None:
    """Raise ImproperlyConfigured if OpenTelemetry's API is not installed."""
    try:
        import_module("opentelemetry.trace")
    except ModuleNotFoundError as exc:
        raise ImproperlyConfigured("TRACING=true needs OpenTelemetry: pip install opentelemetry-sdk.") from exc
