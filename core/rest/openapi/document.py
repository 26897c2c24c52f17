"""The OpenAPI 3.1 document of the operations that HTTP serves."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, ServiceDescriptor
from google.rpc import code_pb2

from core import examples as example_values
from core.errors import TABLE
from core.operations import Operation
from core.protojson import success_status, version_path
from core.protojson.query import QueryName
from core.protojson.requests import plan
from core.protojson.responses import page_field, resource_type
from core.rest.multipart import FILE_PART, metadata_type
from core.rest.openapi.components import HEADERS, OWN_TAGS, PARAMETERS, PROBLEM, Schema, reference, responses
from core.rest.openapi.schemas import Schemas, is_required

_ALWAYS_POSSIBLE = (400, 401, 403, 429, 500, 503, 504)


def document(
    operations: Sequence[Operation],
    *,
    version: str,
    comments: Mapping[str, str],
    limits: Mapping[str, Mapping[str, Any]],
    examples: Mapping[str, Any] | None = None,
    own_parameters: Mapping[str, tuple[str, ...]] | None = None,
    more_paths: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the OpenAPI document.

    Args:
        comments: full name of a declaration in a `.proto` file → its comment.
        limits: full name of a field → JSON Schema keywords, as `{"maxLength": 200}`.
        examples: name of an operation → an example of its body, of an item of it, or of its query.
        own_parameters: name of an operation → the shared parameters that it has beside those of its kind.
        more_paths: the OpenAPI paths that are not operations.
    """
    schemas = Schemas(comments, limits)
    schemas.components["Problem"] = PROBLEM
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        own = (own_parameters or {}).get(operation.name, ())
        description = _Description(operation, schemas, (examples or {}).get(operation.name), own)
        paths.setdefault(operation.http.path, {})[operation.http.verb.lower()] = description.operation()
    services = {operation.method.containing_service for operation in operations}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tandem", "version": version, "description": _introduction()},
        "servers": [{"url": "/"}],
        "tags": OWN_TAGS + sorted((_tag(service, comments) for service in services), key=lambda tag: tag["name"]),
        "security": [{"bearer": []}],
        "paths": paths | dict(more_paths or {}),
        "x-example-values": example_values.described(),
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": responses(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An access token of POST /api/v1/auth/login, or an API key.",
                }
            },
        },
    }


class _Description:
    """The description of one operation in OpenAPI."""

    def __init__(self, operation: Operation, schemas: Schemas, example: Any, own_parameters: Iterable[str]) -> None:
        self._operation = operation
        self._own_parameters = own_parameters
        self._schemas = schemas
        self._example = example
        self._plan = plan(operation)
        self._answers_version = bool(version_path(resource_type(operation)))
        self._takes_version = operation.checks_version
        # The same condition as in `core.rest.viewsets`.
        self._may_be_known = not operation.writes and self._answers_version and operation.http.path.endswith("}")

    def operation(self) -> dict[str, Any]:
        operation = self._operation
        comment = self._schemas.comment(operation.method.full_name)
        described: dict[str, Any] = {
            "operationId": f"{operation.method.containing_service.name}_{operation.rpc}",
            "tags": [operation.method.containing_service.name],
            "summary": _first_sentence(comment) or operation.rpc,
            "description": comment,
            "parameters": [*self._path_parameters(), *self._query_parameters(), *self._common_parameters()],
        }
        if operation.takes_file:
            described["requestBody"] = {"required": True, "content": self._form()}
        elif operation.takes_stream:
            described["requestBody"] = {"required": True, "content": self._items()}
        elif self._plan.keys:
            described["requestBody"] = self._body()
        described["responses"] = {str(success_status(operation)): self._success()}
        if operation.answers_file:
            described["responses"]["206"] = self._file("A part of the file.", "Content-Range")
        if self._may_be_known or operation.answers_file:
            described["responses"]["304"] = reference("responses", "NotModified")
        described["responses"] |= {
            str(status): reference("responses", f"Problem{status}") for status in self._failures()
        }
        if operation.public:
            described["security"] = [{}, {"bearer": []}]
        return described

    @property
    def _path_message(self) -> Descriptor:
        """The message whose fields are in the path: of a file, its metadata."""
        operation = self._operation
        return metadata_type(operation) if operation.takes_file else operation.method.input_type

    def _path_parameters(self) -> Iterable[Schema]:
        for name in self._operation.http.path_fields:
            field = self._path_message.fields_by_name[name]
            parameter = self._parameter(name, "path", self._schemas.field(field, in_request=True), [field.full_name])
            example = example_values.in_path(self._operation.rpc, self._operation.http.path, name)
            yield parameter | {"required": True} | ({} if example is None else {"example": example})

    def _query_parameters(self) -> Iterable[Schema]:
        request = self._operation.method.input_type.full_name
        for query_name in self._plan.query.values():
            described_by = [query_name.field.full_name]
            if query_name.parent:
                described_by.insert(0, f"{request}.{query_name.parent}")
            yield self._query_parameter(query_name, described_by)

    def _query_parameter(self, query_name: QueryName, described_by: Sequence[str]) -> Schema:
        if not query_name.descending:
            schema = self._schemas.field(query_name.field, in_request=True)
            parameter = self._parameter(query_name.name, "query", schema, described_by)
            if is_required(query_name.field):
                parameter["required"] = True
            if query_name.name in (self._example or {}):
                parameter["example"] = self._example[query_name.name]
            return parameter
        return {
            "name": query_name.name,
            "in": "query",
            "description": "Whether the order of `order_by` is descending.",
            "schema": {"type": "boolean"},
        }

    def _common_parameters(self) -> Iterable[Schema]:
        response = self._operation.method.output_type
        if page_field(response) or {"next_page_token", "total_count"} <= set(response.fields_by_name):
            yield reference("parameters", "Count")
        if self._takes_version:
            yield reference("parameters", "IfMatch")
        if self._takes_version or self._may_be_known:
            yield reference("parameters", "IfNoneMatch")
        if self._operation.takes_key:
            yield reference("parameters", "IdempotencyKey")
        if self._operation.takes_stream and not (self._operation.answers_stream or self._operation.takes_file):
            yield reference("parameters", "BulkMode")
        if self._operation.is_feed:
            yield reference("parameters", "LastEventID")
        if self._operation.answers_file:
            for name in ("Range", "IfRange", "IfNoneMatch"):
                yield reference("parameters", name)
        if self._operation.is_feed or self._operation.answers_file:
            yield reference("parameters", "Ticket")
        for name in self._own_parameters:
            yield reference("parameters", name)

    def _parameter(self, name: str, place: str, schema: Schema, described_by: Iterable[str]) -> Schema:
        comment = " ".join(filter(None, map(self._schemas.comment, described_by)))
        return {"name": name, "in": place} | ({"description": comment} if comment else {}) | {"schema": schema}

    def _body(self) -> Schema:
        patches = self._operation.http.verb == "PATCH"
        content: Schema = {"schema": self._body_schema(whole=not patches)}
        if self._example is not None:
            content["example"] = self._example
        types = ("application/json", "application/merge-patch+json") if patches else ("application/json",)
        required = patches or any(map(is_required, self._plan.keys))
        return {"required": required, "content": dict.fromkeys(types, content)}

    def _body_schema(self, *, whole: bool) -> Schema:
        request = self._operation.method.input_type
        if self._plan.body_field:
            return self._schemas.request_message(self._plan.body_type or request, whole=whole)
        return self._schemas.request_object(request, self._plan.keys, whole=whole)

    def _items(self) -> Schema:
        """Describe a body of many messages: one line of JSON for each, or an array."""
        item = self._schemas.request_message(self._operation.method.input_type)
        lines: Schema = {"schema": item}
        array: Schema = {"schema": {"type": "array", "items": item}}
        if self._example is not None:
            array["example"] = self._example if isinstance(self._example, list) else [self._example]
            lines["example"] = array["example"][0]
        return {"application/x-ndjson": lines, "application/json": array}

    def _form(self) -> Schema:
        """Describe a form with a file, and the fields that precede it."""
        metadata = metadata_type(self._operation)
        in_path = self._operation.http.path_fields
        schema = self._schemas.request_object(metadata, [one for one in metadata.fields if one.name not in in_path])
        file = {
            "type": "string",
            "contentMediaType": "application/octet-stream",
            "description": "The last part of the form.",
        }
        properties = {**schema["properties"], FILE_PART: file}
        form: Schema = {"schema": {**schema, "properties": properties, "required": [FILE_PART]}}
        if self._example is not None:
            form["example"] = self._example
        return {"multipart/form-data": form}

    def _success(self) -> Schema:
        status = success_status(self._operation)
        if self._operation.answers_file:
            return self._file("The file.")
        headers = {"X-Request-ID": True, "ETag": self._answers_version, "Location": status == 201}
        headers["Cache-Control"] = not self._operation.writes and not self._operation.answers_stream
        headers["Idempotent-Replayed"] = self._operation.takes_key
        success: Schema = {
            "description": {200: "Done.", 201: "Created.", 202: "Accepted.", 204: "Done; the response has no body."}[
                status
            ],
            "headers": {name: reference("headers", name) for name, given in headers.items() if given},
        }
        if status != 204:
            success["content"] = {self._answer_type(): {"schema": self._answer()}}
        return success

    def _file(self, description: str, *more_headers: str) -> Schema:
        """Describe an answer with the bytes of a file."""
        names = ("X-Request-ID", "ETag", "Cache-Control", "Accept-Ranges", "Content-Disposition", *more_headers)
        return {
            "description": description,
            "headers": {name: reference("headers", name) for name in names},
            "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
        }

    def _answer_type(self) -> str:
        if self._operation.is_feed:
            return "text/event-stream"
        return "application/x-ndjson" if self._operation.answers_stream else "application/json"

    def _answer(self) -> Schema:
        response = self._operation.method.output_type
        if bare := self._operation.http.response_body:
            return self._schemas.field(response.fields_by_name[bare], in_request=False)
        page = page_field(response)
        if not page:
            return self._schemas.response_message(response)
        where = response.fields_by_name[page].message_type
        shown = [where.fields_by_name[name] for name in ("next_page_token", "total_count")] if where else []
        fields = [field for field in response.fields if field.name != page] + shown
        return self._schemas.object(response, self._schemas.response_fields(fields), closed=False)

    def _failures(self) -> list[int]:
        http = self._operation.http
        takes_body = bool(self._plan.keys) or self._operation.takes_stream
        comment = self._schemas.comment(self._operation.method.full_name)
        possible = {
            404: bool(http.path_fields) or "NOT_FOUND" in comment or (http.verb == "GET" and bool(http.response_body)),
            409: self._operation.writes,
            412: self._takes_version or self._operation.answers_file,
            416: self._operation.answers_file,
            413: takes_body,
            415: takes_body,
            422: self._operation.takes_key,
            507: self._operation.stores_file,
        }
        return sorted({*_ALWAYS_POSSIBLE, *(status for status, may_be in possible.items() if may_be)})


def _tag(service: ServiceDescriptor, comments: Mapping[str, str]) -> dict[str, str]:
    comment = comments.get(service.full_name) or comments.get(service.file.package, "")
    return {"name": service.name, "description": comment}


def _introduction() -> str:
    rows = [
        f"| {code_pb2.Code.Name(spec.grpc_code)} | {spec.http_status} | {reason} |" for reason, spec in TABLE.items()
    ]
    return "\n".join(
        [
            "Users, projects, tasks, meetings and drawings, over HTTP and gRPC, with the same operations, results and "
            "errors.",
            "",
            "A response has every key, with `null` for an unset value. A request body is checked strictly: unknown "
            "keys and values of another type are errors. PATCH changes the keys in the body; `null` clears a value. A "
            "merge patch changes only the named keys of a map. A body has a Content-Length or is chunked. It may have "
            "1 MB; an array may have 50 MB and 100,000 items.",
            "",
            "`application/x-ndjson` is one line of JSON for each message, in requests and responses. "
            "`text/event-stream` is server-sent events: `event` is the type of event, `data` the message as JSON, and "
            "`id` the cursor from which to resume.",
            "",
            "Responses above 1 KB are compressed with gzip for clients that accept it (`Accept-Encoding`), except "
            "streams and responses with secrets. A list in a query repeats its name: `labels=a&labels=b` or "
            "`labels[]=a&labels[]=b`.",
            "",
            "Descriptions name failures by their gRPC codes:",
            "",
            "| gRPC | HTTP | `reason` |",
            "|---|---|---|",
            *rows,
        ]
    )


def _first_sentence(comment: str) -> str:
    match = re.match(r"(.+?)(\.|:|;)(\s|$)", comment)
    return match[1] if match else comment
