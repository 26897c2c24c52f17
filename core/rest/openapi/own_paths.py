"""OpenAPI paths that are not operations: those of the server itself, and functions to describe others."""

from collections.abc import Mapping
from typing import Any

from core.rest.openapi.components import Schema, reference


def describe(
    operation_id: str,
    tag: str,
    summary: str,
    *,
    answers: Mapping[str, Schema],
    failures: tuple[int, ...] = (),
    public: bool = False,
    **more: Any,
) -> Schema:
    """Describe one method of a path.

    Args:
        answers: status → a successful response.
        failures: statuses of failures, in addition to those that are possible for every call.
        public: it needs no credentials.
        more: further keys of the OpenAPI operation, as `parameters`.
    """
    always = (400, 500, 503) if public else (400, 401, 403, 429, 500, 503)
    problems = {str(status): reference("responses", f"Problem{status}") for status in sorted({*always, *failures})}
    operation = {"operationId": operation_id, "tags": [tag], "summary": summary, **more}
    return operation | {"responses": {**answers, **problems}} | ({"security": [{}]} if public else {})


def answer(description: str, content: Mapping[str, Schema] | None = None, *headers: str, **own: Schema) -> Schema:
    """Describe a response.

    Args:
        content: media type → schema of the content; None = no content.
        headers: names of components, in addition to the id of the call.
        own: name (with `_` for `-`) → schema of a header that no other response has.
    """
    named = {name: reference("headers", name) for name in ("X-Request-ID", *headers)}
    named |= {name.replace("_", "-"): {"schema": schema} for name, schema in own.items()}
    response: Schema = {"description": description, "headers": named}
    return response | ({"content": {kind: {"schema": schema} for kind, schema in content.items()}} if content else {})


def state(*keys: str) -> Schema:
    """Return the schema of an object whose values are texts. Only the first key is required."""
    return {"type": "object", "properties": {key: {"type": "string"} for key in keys}, "required": [keys[0]]}


def own_paths() -> dict[str, Any]:
    """Return the paths of `core.rest.probes` and `core.rest.docs`."""
    return {**_probes(), **_documents()}


def _probes() -> dict[str, Any]:
    of_state = {"application/json": state("status", "service", "version", "reason")}
    metrics = {"text/plain": {"type": "string"}, "application/openmetrics-text": {"type": "string"}}
    return {
        "/health": _page(
            "getHealth",
            "Health, name and version of the server",
            {
                "200": answer("The server is healthy.", of_state),
                "503": answer("The database or another component does not work.", of_state),
            },
        ),
        "/health/live": _page(
            "getLiveness", "Whether the process is running", {"200": answer("The process is running.", of_state)}
        ),
        "/health/ready": _page(
            "getReadiness",
            "Whether calls can be served",
            {
                "200": answer("Calls can be served.", of_state),
                "503": answer("Calls cannot be served; `reason` names the failed components.", of_state),
            },
        ),
        "/metrics": _page(
            "getMetrics",
            "Metrics of this process, for Prometheus; in development only",
            {"200": answer("The metrics, in the format that `Accept` prefers.", metrics)},
        ),
    }


def _documents() -> dict[str, Any]:
    document: dict[str, Schema] = {"application/json": {"type": "object"}}
    return {
        "/api/v1/openapi.json": _page(
            "getDescription",
            "This document",
            {
                "200": answer("The document, which pages of any origin may read.", document, "ETag"),
                "304": reference("responses", "NotModified"),
            },
            parameters=[reference("parameters", "IfNoneMatch")],
        ),
        "/api/v1/docs": _page(
            "getDocs",
            "This document as an HTML page",
            {"200": answer("An HTML page.", {"text/html": {"type": "string"}})},
        ),
    }


def _page(operation_id: str, summary: str, answers: Mapping[str, Schema], **more: Any) -> dict[str, Schema]:
    """Describe a path whose GET needs no credentials."""
    return {"get": describe(operation_id, "Service", summary, public=True, answers=answers, **more)}
