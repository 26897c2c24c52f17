"""OpenAPI paths of the description of the gRPC API (`core.web_rpc.docs`)."""

from typing import Any

from core.rest.openapi.components import Schema, reference
from core.rest.openapi.own_paths import answer, describe

_NOT_MODIFIED = {"304": reference("responses", "NotModified")}
_PATH: Schema = {
    "name": "path",
    "in": "path",
    "required": True,
    "description": "Below `proto/`, as `import` names it.",
    "schema": {"type": "string"},
    "example": "tandem/task/v1/task.proto",
}


def grpc_paths() -> dict[str, Any]:
    """Return the paths of the page, of the description and of the `.proto` files."""
    if_none_match = reference("parameters", "IfNoneMatch")
    described: dict[str, Schema] = {"application/json": {"type": "object"}}
    return {
        "/api/grpc": {
            "get": describe(
                "getGrpcPage",
                "Service",
                "The gRPC API as an HTML page",
                public=True,
                answers={"200": answer("An HTML page.", {"text/html": {"type": "string"}})},
            )
        },
        "/api/grpc.json": {
            "get": describe(
                "getGrpcDescription",
                "Service",
                "The services, messages and enums of the gRPC API",
                public=True,
                parameters=[if_none_match],
                answers={"200": answer("The description.", described, "ETag"), **_NOT_MODIFIED},
            )
        },
        "/api/protos/{path}": {
            "get": describe(
                "getProtoFile",
                "Service",
                "A `.proto` file of the contracts",
                public=True,
                parameters=[_PATH, if_none_match],
                answers={"200": answer("The file.", {"text/plain": {"type": "string"}}, "ETag"), **_NOT_MODIFIED},
                failures=(404,),
            )
        },
    }
