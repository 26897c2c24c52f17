"""Traces of gRPC calls."""

from typing import Any

import grpc
import pytest

from tandem.example.v1.example_pb2 import CreateUserRequest
from tests.support.example_service import PATIENCE, ExampleHandlers, Serve
from tests.support.rpc_failures import failure_of

pytestmark = pytest.mark.real_server


def test_span_continues_the_trace_of_the_caller(handlers: ExampleHandlers, serve: Serve, settings: Any) -> None:
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    export = pytest.importorskip("opentelemetry.sdk.trace.export")
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter").InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(memory))
    pytest.importorskip("opentelemetry.trace").set_tracer_provider(provider)
    settings.TRACING = True
    handlers.failure = ZeroDivisionError()
    caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    failure_of(
        serve(handlers.service()).example.CreateUser,
        CreateUserRequest(),
        metadata=[("traceparent", caller)],
        timeout=PATIENCE,
    )
    (span,) = memory.get_finished_spans()
    assert span.name == "example.ExampleService/CreateUser"
    assert f"{span.context.trace_id:032x}-{span.parent.span_id:016x}" in caller
    assert span.attributes["rpc.grpc.status_code"] == grpc.StatusCode.INTERNAL.value[0]
    assert not span.status.is_ok
