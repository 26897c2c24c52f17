"""What operations in the document share: parameters, headers, failures."""

from typing import Any

from core.errors import TABLE

Schema = dict[str, Any]


def reference(kind: str, name: str) -> Schema:
    """A reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


PARAMETERS: dict[str, Schema] = {
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The version that is to be changed, as in the ETag that came with it, or a list of them; 412 "
        "when the current one is none of these. A weak tag counts as its version. Without it, or with `*`, any version "
        "is changed.",
        "schema": {"type": "string", "examples": ['"3"', '"3", "4"', "*"]},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "On GET: what the client has; 304 where that is what would be sent. On a write, `*`: only where "
        "there is nothing yet, else 412.",
        "schema": {"type": "string", "examples": ['"3"', "*"]},
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A text of the client's choice, 1 to 255 printable ASCII characters. The same request with the "
        "same key, sent again within 24 hours, is carried out once and gets the same answer.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
    "BulkMode": {
        "name": "X-Bulk-Mode",
        "in": "header",
        "description": "`atomic` writes all items or none, of at most 10,000.",
        "schema": {"type": "string", "enum": ["atomic"]},
    },
    "LastEventID": {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "Where to go on, as the `id` of the last event said; before `cursor` and `include_initial`.",
        "schema": {"type": "string"},
    },
    "Ticket": {
        "name": "ticket",
        "in": "query",
        "description": "A ticket of POST /api/v1/auth/stream-tickets for this path, in place of a token.",
        "schema": {"type": "string"},
    },
    "Count": {
        "name": "count",
        "in": "query",
        "description": "`exact` counts the rows even where they are more than 10,000.",
        "schema": {"type": "string", "enum": ["exact"]},
    },
}

#: Of what is no operation.
OWN_TAGS = [
    {"name": "Service", "description": "The state of the server, and how to talk to it."},
    {"name": "Files", "description": "Recordings and transcripts as files."},
]

HEADERS: dict[str, Schema] = {
    "X-Request-ID": {"description": "The call's id: the client's own, or a new one.", "schema": {"type": "string"}},
    "ETag": {
        "description": "The version, in quotes; weak where the answer is compressed.",
        "schema": {"type": "string", "examples": ['"3"', 'W/"3"']},
    },
    "Cache-Control": {
        "description": "`private, no-cache`: what two callers see differs.",
        "schema": {"type": "string"},
    },
    "Location": {"description": "Where it can be read.", "schema": {"type": "string", "format": "uri-reference"}},
    "Idempotent-Replayed": {
        "description": "`true` on an answer that was given to an earlier request with this key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Retry-After": {"description": "Seconds to wait before trying again.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {
        "description": "How to sign in, and what is wrong with the token that was sent (RFC 6750).",
        "schema": {"type": "string", "examples": ['Bearer realm="tandem", error="invalid_token"']},
    },
}

NOT_MODIFIED: Schema = {
    "description": "The client has it already (`If-None-Match`).",
    "headers": {name: reference("headers", name) for name in ("X-Request-ID", "ETag", "Cache-Control")},
}

PROBLEM: Schema = {
    "type": "object",
    "description": "What went wrong (RFC 9457). It may have more members, such as `current_version`.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "The whole sentence, for people."},
        "reason": {"type": "string", "enum": list(TABLE)},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string", "examples": ["#/profile/bio"]},
                    "code": {"type": "string", "description": "The broken rule.", "examples": ["required"]},
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
    """The answers by name: each failure's status, and that nothing has changed."""
    return {"NotModified": NOT_MODIFIED} | {f"Problem{status}": _failure(status) for status in _statuses()}


def _statuses() -> list[int]:
    return sorted({kind.http_status for kind in TABLE.values()})


def _failure(status: int) -> Schema:
    reasons = [f"`{reason}`: {kind.title}." for reason, kind in TABLE.items() if kind.http_status == status]
    names = ["X-Request-ID"] + ["WWW-Authenticate"] * (status == 401) + ["Retry-After"] * (status in (409, 429, 503))
    return {
        "description": " ".join(reasons),
        "headers": {name: reference("headers", name) for name in names},
        "content": {"application/problem+json": {"schema": reference("schemas", "Problem")}},
    }
