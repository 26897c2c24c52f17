"""Traces by OpenTelemetry. The standard variables OTEL_* configure them; without an endpoint there are none."""

import os

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def is_configured() -> bool:
    """Return whether the environment names an endpoint for traces, and does not disable them."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return any(os.environ.get(name) for name in _ENDPOINTS)
