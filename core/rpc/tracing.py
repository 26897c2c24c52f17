"""Trace spans (OpenTelemetry), with the caller's W3C `traceparent` as their parent. Only with TRACING=true.

The packages are among the requirements for the tests' sake; who traces adds an exporter of their choice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from django.core.exceptions import ImproperlyConfigured

from core.rpc.call import RpcCall


@contextmanager
def traced(call: RpcCall) -> Iterator[None]:
    """A span around the call, named as OpenTelemetry's conventions for RPC ask."""
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
        if call.problem is not None and call.problem.kind.http_status >= 500:
            span.set_status(trace.StatusCode.ERROR, call.problem.reason)


def check_installed() -> None:
    """Raises ImproperlyConfigured unless OpenTelemetry's API is there."""
    try:
        import_module("opentelemetry.trace")
    except ModuleNotFoundError as exc:
        raise ImproperlyConfigured("TRACING=true needs OpenTelemetry: pip install opentelemetry-sdk.") from exc
