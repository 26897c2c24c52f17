"""Traces by OpenTelemetry. The standard variables OTEL_* configure them; without an endpoint there are none.

The packages of requirements-tracing.txt are loaded only where an endpoint is set.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
#: How long the end of a process may be delayed by spans that are still to be sent.
FLUSH_SECONDS = 5.0

Attributes = Mapping[str, str | int | float | bool]


class TracingError(Exception):
    """Traces cannot be sent as configured; the message is a sentence with the reason."""


def is_configured() -> bool:
    """Return whether the environment names an endpoint for traces, and does not disable them."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return any(os.environ.get(name) for name in _ENDPOINTS)


def variables() -> dict[str, str]:
    """Return the variables of OpenTelemetry for a child process, without the name of the service."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("OTEL_") and name not in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES")
    }


def check() -> None:
    """Check that traces can be sent as configured.

    Raises:
        TracingError: a package is missing, or the protocol is not supported.
    """
    protocol = next((os.environ[name] for name in _PROTOCOLS if os.environ.get(name)), "http/protobuf")
    if protocol != "http/protobuf":
        raise TracingError(f"Traces are sent by OTLP over http/protobuf, not {protocol}: unset {_PROTOCOLS[1]}.")
    try:
        import_module("opentelemetry.sdk.trace")
        import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ModuleNotFoundError as exc:
        raise TracingError("Traces need more packages: pip install -r requirements-tracing.txt.") from exc


def start(service: str, version: str) -> None:
    """Begin to send the spans of this process. Call it after the last fork.

    Raises:
        TracingError: see `check`.
    """
    check()
    sdk, export = import_module("opentelemetry.sdk.trace"), import_module("opentelemetry.sdk.trace.export")
    otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    attributes = {"service.version": version}
    if not os.environ.get("OTEL_SERVICE_NAME"):
        attributes["service.name"] = service
    resource = import_module("opentelemetry.sdk.resources").Resource.create(attributes)
    provider = sdk.TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
    import_module("opentelemetry.trace").set_tracer_provider(provider)


def stop() -> None:
    """Send the spans that are left, for `FLUSH_SECONDS` at most."""
    provider = import_module("opentelemetry.trace").get_tracer_provider()
    # In a thread: the exporter itself tries for longer if nothing answers at the endpoint.
    thread = threading.Thread(target=getattr(provider, "shutdown", bool), name="traces", daemon=True)
    thread.start()
    thread.join(FLUSH_SECONDS)


@contextmanager
def span(
    name: str, *, kind: str = "INTERNAL", carrier: Mapping[str, str] | None = None, attributes: Attributes | None = None
) -> Iterator[Any]:
    """Open a span, the current one of this context until it ends.

    Args:
        kind: SERVER, CLIENT, PRODUCER, CONSUMER or INTERNAL.
        carrier: headers whose `traceparent` names the parent; None = the current span.
    """
    trace = import_module("opentelemetry.trace")
    parent = import_module("opentelemetry.propagate").extract(carrier) if carrier else None
    with trace.get_tracer("tandem").start_as_current_span(
        name, context=parent, kind=trace.SpanKind[kind], attributes=attributes
    ) as opened:
        yield opened


def begin_span(name: str, *, kind: str, carrier: Mapping[str, str]) -> Any:
    """Begin a span without making it the current one; the caller ends it (`end`)."""
    trace = import_module("opentelemetry.trace")
    parent = import_module("opentelemetry.propagate").extract(carrier)
    return trace.get_tracer("tandem").start_span(name, context=parent, kind=trace.SpanKind[kind])


def fail(opened: Any, reason: str) -> None:
    """Mark a span as failed."""
    opened.set_status(import_module("opentelemetry.trace").StatusCode.ERROR, reason)


def traceparent() -> str | None:
    """Return the current span as a W3C `traceparent`; None outside of spans."""
    carrier: dict[str, str] = {}
    import_module("opentelemetry.propagate").inject(carrier)
    return carrier.get("traceparent")
