"""The AsyncAPI document of the feeds: made of the OpenAPI document, whose schemas the events share."""

import json
import re
from pathlib import Path
from typing import Any

_STREAM = "text/event-stream"


def asyncapi(openapi: dict[str, Any]) -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of the operations that answer with server-sent events."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for path, verbs in openapi["paths"].items():
        described = verbs.get("get", {})
        content = described.get("responses", {}).get("200", {}).get("content", {}).get(_STREAM)
        if not content:
            continue
        name = described["operationId"]
        channels[name] = _channel(path, described, content["schema"])
        operations[name] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
            "summary": described["summary"],
            "description": described["description"],
        }
        _collect(content["schema"], openapi, schemas)
    info = {
        "title": "Feeds of Tandem",
        "version": openapi["info"]["version"],
        "description": "Server-sent events over HTTP. `id` is the cursor, which `Last-Event-ID` resumes after; `event` "
        "is the type of the event, and `data` the message. The same streams are rpcs over gRPC.",
    }
    server = {
        "host": "localhost:8000",
        "protocol": "http",
        "security": [{"$ref": "#/components/securitySchemes/bearer"}],
    }
    bearer = {"type": "http", "scheme": "bearer", "description": "An access token or an API key."}
    return {
        "asyncapi": "3.0.0",
        "info": info,
        "defaultContentType": "application/json",
        "servers": {"development": server},
        "channels": channels,
        "operations": operations,
        "components": {"schemas": dict(sorted(schemas.items())), "securitySchemes": {"bearer": bearer}},
    }


def write_asyncapi(root: Path, target: Path) -> None:
    """Write the document of the committed OpenAPI document."""
    document = asyncapi(json.loads((root / "docs/openapi.json").read_text()))
    target.write_text(json.dumps(document, indent=2) + "\n")


def _channel(path: str, described: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", path)
    query = sorted(one["name"] for one in described["parameters"] if one.get("in") == "query")
    channel: dict[str, Any] = {
        "address": path,
        "messages": {"event": {"contentType": _STREAM, "payload": schema}},
    }
    channel["description"] = "Query: " + ", ".join(query) + "." if query else "No query."
    if names:
        channel["parameters"] = {name: {"description": f"`{name}` of the path."} for name in names}
    return channel


def _collect(schema: Any, openapi: dict[str, Any], found: dict[str, Any]) -> None:
    """Add the components that a schema refers to, and those that they refer to."""
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(schema)):
        if name not in found:
            found[name] = openapi["components"]["schemas"][name]
            _collect(found[name], openapi, found)
