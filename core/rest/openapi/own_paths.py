"""What HTTP has beside the operations, in the document's words: what the server itself answers, and how to add more."""

from collections.abc import Mapping
from typing import Any

from core.rest.openapi.components import Schema, reference


def described(
    operation_id: str,
    tag: str,
    summary: str,
    *,
    answers: Mapping[str, Schema],
    failures: tuple[int, ...] = (),
    public: bool = False,
    **more: Any,
) -> Schema:
    """One method of a path.

    Args:
        answers: status → the answer that is no failure.
        failures: the statuses of the failures beside those that every call may meet.
        anyone: it takes no credentials.
        more: further keys of the document's operation, as `parameters`.
    """
    always = (400, 500, 503) if public else (400, 401, 403, 429, 500, 503)
    problems = {str(status): reference("responses", f"Problem{status}") for status in sorted({*always, *failures})}
    found = {"operationId": operation_id, "tags": [tag], "summary": summary, **more}
    return found | {"responses": {**answers, **problems}} | ({"security": [{}]} if public else {})


def answer(description: str, content: Mapping[str, Schema] | None = None, *headers: str, **own: Schema) -> Schema:
    """An answer.

    Args:
        content: media type → schema of the content; None = there is none.
        headers: names of components, beside the id of the call.
        own: name (with `_` for `-`) → schema of a header that no other answer has.
    """
    named = {name: reference("headers", name) for name in ("X-Request-ID", *headers)}
    named |= {name.replace("_", "-"): {"schema": schema} for name, schema in own.items()}
    found: Schema = {"description": description, "headers": named}
    return found | ({"content": {kind: {"schema": schema} for kind, schema in content.items()}} if content else {})


def state(*keys: str) -> Schema:
    """The schema of an object of texts."""
    return {"type": "object", "properties": {key: {"type": "string"} for key in keys}, "required": [keys[0]]}


def own_paths() -> dict[str, Any]:
    """The paths of `core.rest.probes` and `core.rest.docs`."""
    known = {"304": reference("responses", "NotModified")}
    document: dict[str, Schema] = {"application/json": {"type": "object"}}
    of_state = {"application/json": state("status", "service", "version", "reason")}
    return {
        "/health": {
            "get": described(
                "getHealth",
                "Service",
                "Whether the server works, and which it is",
                public=True,
                answers={
                    "200": answer("It works.", of_state),
                    "503": answer("The database is away, or something else that it needs.", of_state),
                },
            )
        },
        "/health/live": {
            "get": described(
                "getLiveness",
                "Service",
                "Whether the process answers",
                public=True,
                answers={"200": answer("It does.", of_state)},
            )
        },
        "/health/ready": {
            "get": described(
                "getReadiness",
                "Service",
                "Whether calls can be served",
                public=True,
                answers={"200": answer("They can.", of_state), "503": answer("Why they cannot.", of_state)},
            )
        },
        "/metrics": {
            "get": described(
                "getMetrics",
                "Service",
                "Metrics of this process, for Prometheus",
                public=True,
                answers={
                    "200": answer(
                        "By `Accept`.",
                        {"text/plain": {"type": "string"}, "application/openmetrics-text": {"type": "string"}},
                    )
                },
            )
        },
        "/api/v1/openapi.json": {
            "get": described(
                "getDescription",
                "Service",
                "This document",
                public=True,
                parameters=[reference("parameters", "IfNoneMatch")],
                answers={
                    "200": answer("Any page may read it.", document, "ETag"),
                    **known,
                },
            )
        },
        "/api/v1/docs": {
            "get": described(
                "getDocs",
                "Service",
                "This document, for people",
                public=True,
                answers={"200": answer("A page.", {"text/html": {"type": "string"}})},
            )
        },
    }
