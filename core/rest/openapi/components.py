"""Components that the operations of the document share: parameters, headers, failures."""

from typing import Any

from core.errors import TABLE

Schema = dict[str, Any]


def reference(kind: str, name: str) -> Schema:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


PARAMETERS: dict[str, Schema] = {
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The version to change, as in the ETag of the resource, or a list of versions; 412 if the "
        "current version is not among them. A weak tag counts as its version. Without this header, or with `*`, any "
        "version is changed.",
        "schema": {"type": "string", "examples": ['"3"', '"3", "4"', "*"]},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "On GET: the versions that the client has; 304 if the current one is among them. On a write, "
        "`*`: 412 if the resource exists already.",
        "schema": {"type": "string", "examples": ['"3"', "*"]},
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A text of the client's choice, 1 to 255 printable ASCII characters. If the same request is "
        "repeated with the same key within 24 hours, it is executed once and gets the same response.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
    "BulkMode": {
        "name": "X-Bulk-Mode",
        "in": "header",
        "description": "`atomic` writes all items or none, of at most 10,000.",
        "schema": {"type": "string", "enum": ["atomic"]},
    },
    "Range": {
        "name": "Range",
        "in": "header",
        "description": "One part of the file, as in `bytes=0-499`, `bytes=500-` or `bytes=-500`. Several parts, other "
        "units and malformed ranges are ignored.",
        "schema": {"type": "string", "examples": ["bytes=500-"]},
    },
    "IfRange": {
        "name": "If-Range",
        "in": "header",
        "description": "The ETag of the file that the client has a part of; if the file is another one, `Range` is "
        "ignored.",
        "schema": {"type": "string"},
    },
    "LastEventID": {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "The `id` of the last event, to resume after it. Overrides `cursor` and `include_initial`.",
        "schema": {"type": "string"},
    },
    "Ticket": {
        "name": "ticket",
        "in": "query",
        "description": "A ticket from POST /api/v1/auth/stream-tickets for this path, in place of a token.",
        "schema": {"type": "string"},
    },
    "Session": {
        "name": "X-Session",
        "in": "header",
        "description": "`cookie` is the session of a browser: the refresh token is in the cookie `tandem_refresh`, "
        "which no script can read and the response sets, replaces or deletes; its `refresh_token` is empty.",
        "schema": {"type": "string", "enum": ["cookie"]},
    },
    "Count": {
        "name": "count",
        "in": "query",
        "description": "`exact` counts all rows, also beyond 10,000.",
        "schema": {"type": "string", "enum": ["exact"]},
    },
}

#: Tags of the paths that are not operations.
OWN_TAGS = [
    {"name": "Service", "description": "The state of the server, and the description of its API."},
    {"name": "Files", "description": "Recordings and transcripts as files."},
]

HEADERS: dict[str, Schema] = {
    "X-Request-ID": {"description": "The call's id: the client's own, or a new one.", "schema": {"type": "string"}},
    "ETag": {
        "description": "The version, in quotes; a weak tag if the response is compressed.",
        "schema": {"type": "string", "examples": ['"3"', 'W/"3"']},
    },
    "Cache-Control": {
        "description": "`private, no-cache`, because responses differ between callers.",
        "schema": {"type": "string"},
    },
    "Location": {"description": "The URL of the resource.", "schema": {"type": "string", "format": "uri-reference"}},
    "Accept-Ranges": {"description": "`bytes`.", "schema": {"type": "string", "enum": ["bytes"]}},
    "Content-Disposition": {
        "description": "`attachment`, with the name of the file (RFC 6266).",
        "schema": {"type": "string"},
    },
    "Content-Range": {
        "description": "The part that is sent: first byte, last byte and size of the file.",
        "schema": {"type": "string", "examples": ["bytes 500-999/1000"]},
    },
    "Idempotent-Replayed": {
        "description": "`true` on the repeated response to an earlier request with this key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "RateLimit-Limit": {
        "description": "The caller's budget of units within a minute. On every response, where the server has limits.",
        "schema": {"type": "integer"},
    },
    "RateLimit-Remaining": {"description": "The units that are left of it.", "schema": {"type": "integer"}},
    "RateLimit-Reset": {
        "description": "Seconds until a part of it is free again; with 429, until the call would be admitted.",
        "schema": {"type": "integer"},
    },
    "Retry-After": {"description": "Seconds to wait before trying again.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {
        "description": "The authentication scheme, and the error of the request's token (RFC 6750).",
        "schema": {"type": "string", "examples": ['Bearer realm="tandem", error="invalid_token"']},
    },
}

NOT_MODIFIED: Schema = {
    "description": "The client has the current version (`If-None-Match`).",
    "headers": {name: reference("headers", name) for name in ("X-Request-ID", "ETag", "Cache-Control")},
}

PROBLEM: Schema = {
    "type": "object",
    "description": "A failure (RFC 9457). It may have more members, such as `current_version`.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A human-readable description of the failure."},
        "reason": {"type": "string", "enum": list(TABLE)},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string", "examples": ["#/profile/bio"]},
                    "code": {"type": "string", "description": "The violated rule.", "examples": ["required"]},
                    "detail": {"type": "string"},
                },
                "required": ["pointer", "code", "detail"],
            },
        },
        "request_id": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail", "reason", "errors", "request_id"],
}


def responses() -> dict[str, Schema]:
    """Return the shared responses by name: one for each status of a failure, and 304."""
    return {"NotModified": NOT_MODIFIED} | {f"Problem{status}": _failure(status) for status in _statuses()}


def _statuses() -> list[int]:
    return sorted({spec.http_status for spec in TABLE.values()})


def _failure(status: int) -> Schema:
    reasons = [f"`{reason}`: {spec.title}." for reason, spec in TABLE.items() if spec.http_status == status]
    names = ["X-Request-ID"] + ["WWW-Authenticate"] * (status == 401) + ["Retry-After"] * (status in (409, 429, 503))
    if status == 429:
        names += ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]
    return {
        "description": " ".join(reasons),
        "headers": {name: reference("headers", name) for name in names},
        "content": {"application/problem+json": {"schema": reference("schemas", "Problem")}},
    }
