"""Examples of an operation for curl, grpcurl and TypeScript, made of its example in `docs/openapi.json`.

All of them send the same request to a development server, where a call without credentials acts as the administrator.
"""

import json
import re
import shlex
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from django.core.exceptions import ValidationError
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from core.operations import Operation
from core.protojson.requests import read_item, read_request

HTTP, GRPC = "http://localhost:8000", "localhost:50051"
NDJSON, FORM = "application/x-ndjson", "multipart/form-data"
#: Operation → the file that an example uploads.
FILES = {
    "meeting.v1.MeetingService/UploadRecording": "samples/planning.ogg",
    "drawing.v1.DrawingService/UploadDocument": "samples/cabinet.pdf",
    "drawing.v1.DrawingService/RecognizeImage": "docs/images/drawing.png",
}


class HttpExample(NamedTuple):
    """A call of an operation over HTTP.

    Attributes:
        path: with its values.
        template: the path with names in braces.
        path_values: name in the path → value.
        query: name → value.
        content_type: of the body; empty = there is no body.
        body: JSON, or the fields of a form.
    """

    path: str
    template: str
    path_values: dict[str, Any]
    query: dict[str, Any]
    content_type: str
    body: Any


def http_example(operation: Operation, described: dict[str, Any]) -> HttpExample:
    """Return the example of an operation that the OpenAPI document describes."""
    parameters = [one for one in described.get("parameters", []) if "example" in one]
    path_values = {one["name"]: one["example"] for one in parameters if one["in"] == "path"}
    query = {one["name"]: _in_query(one["example"]) for one in parameters if one["in"] == "query"}
    if operation.method.containing_service.full_name == "example.ExampleService" and path_values:
        path_values = {"user_id": 1}  # The ids of this facade are numbers.
    path = re.sub(r"{(\w+)}", lambda found: quote(str(path_values[found[1]]), safe=""), operation.http.path)
    content = described.get("requestBody", {}).get("content", {})
    for content_type in (FORM, NDJSON, "application/json"):
        if "example" in (kind := content.get(content_type, {})):
            # An array may have more items than the one line.
            items = content["application/json"]["example"] if content_type == NDJSON else kind["example"]
            return HttpExample(path, operation.http.path, path_values, query, content_type, items)
    return HttpExample(path, operation.http.path, path_values, query, "", None)


def _in_query(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def messages(operation: Operation, example: HttpExample) -> list[Message]:
    """Return the request messages that this call stands for.

    Raises:
        ValidationError: the example does not fit the contract.
    """
    if operation.takes_stream:
        found = [read_item(operation, json.dumps(item).encode()) for item in example.body]
        for one in found:
            if isinstance(one, ValidationError):
                raise one
        return found  # type: ignore[return-value]
    texts = {name: str(value) for name, value in example.path_values.items()}
    body = json.dumps(example.body).encode() if example.content_type else b""
    return [read_request(operation, texts, urlencode(example.query, doseq=True), body)]


def curl(operation: Operation, example: HttpExample) -> str:
    """Return the command of curl."""
    options = []
    if operation.is_feed:
        options.append("-N --max-time 2")
    if operation.answers_file:
        options.append("-o answer")
    if operation.http.verb != "GET" and not (operation.http.verb == "POST" and example.content_type):
        options.append(f"-X {operation.http.verb}")
    query = f"?{urlencode(example.query, doseq=True)}" if example.query else ""
    lines = [" ".join(["curl", *options, shlex.quote(f"{HTTP}{example.path}{query}")])]
    if example.content_type == FORM:
        lines += [f"-F {shlex.quote(f'{name}={one}')}" for name, one in _form_fields(example)]
        lines.append(f"-F file=@{FILES[operation.name]}")
    elif example.content_type:
        lines.append(f"-H 'Content-Type: {example.content_type}'")
        items = example.body if operation.takes_stream else [example.body]
        lines.append(f"--data-binary {shlex.quote(chr(10).join(json.dumps(item) for item in items))}")
    return " \\\n  ".join(lines)


def grpcurl(operation: Operation, example: HttpExample) -> str:
    """Return the command of grpcurl; empty for a file in parts, which a shell cannot send well."""
    if operation.takes_file:
        return ""
    sent = " ".join(json.dumps(MessageToDict(message)) for message in messages(operation, example))
    limit = " -max-time 2" if operation.is_feed else ""
    return f"grpcurl -plaintext{limit} -d {shlex.quote(sent)} \\\n  {GRPC} {operation.name}"


def typescript(operation: Operation, example: HttpExample) -> str:
    """Return a program with the client of `clients/typescript`."""
    if operation.is_feed:
        query = f"?{urlencode(example.query, doseq=True)}" if example.query else ""
        return "\n".join(
            [
                'import { openEvents } from "@tandem/client";', "",
                f'for await (const event of openEvents("{HTTP}{example.path}{query}")) {{',
                "  console.log(event.type, JSON.parse(event.data));", "  break;", "}",
            ]
        )  # fmt: skip
    if operation.takes_stream or operation.answers_file:
        return _typescript_fetch(operation, example)
    options: dict[str, Any] = {}
    values = {name: value == "true" if value in ("true", "false") else value for name, value in example.query.items()}
    params = {"path": example.path_values, "query": values}
    if params := {name: values for name, values in params.items() if values}:
        options["params"] = params
    if example.content_type:
        options["body"] = example.body
    argument = f", {_literal(options)}" if options else ""
    return "\n".join(
        [
            'import { createTandemClient, unwrap } from "@tandem/client";', "",
            f'const client = createTandemClient({{ baseUrl: "{HTTP}", token: () => null }});',
            f'const answer = await unwrap(client.{operation.http.verb}("{example.template}"{argument}));',
            "console.log(answer);",
        ]
    )  # fmt: skip


def _form_fields(example: HttpExample) -> list[tuple[str, Any]]:
    pairs = [(name, one) for name, value in example.body.items() for one in _as_list(value)]
    return [(name, one) for name, one in pairs if one is not None]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _typescript_fetch(operation: Operation, example: HttpExample) -> str:
    query = f"?{urlencode(example.query, doseq=True)}" if example.query else ""
    url = json.dumps(f"{HTTP}{example.path}{query}")
    if operation.answers_file:
        return f"const response = await fetch({url});\nconsole.log((await response.arrayBuffer()).byteLength);"
    if example.content_type == FORM:
        fields = [f'form.append("{name}", {json.dumps(str(one))});' for name, one in _form_fields(example)]
        return "\n".join(
            [
                "// The file of an <input type=\"file\">, after the other fields.",
                "declare const file: File;", "const form = new FormData();", *fields, 'form.append("file", file);',
                f'const response = await fetch({url}, {{ method: "POST", body: form }});',
                "console.log(await response.json());",
            ]
        )  # fmt: skip
    return "\n".join(
        [
            f"const items = {_literal(example.body)};",
            f"const response = await fetch({url}, {{",
            '  method: "POST",', f'  headers: {{ "Content-Type": "{NDJSON}" }},',
            '  body: items.map((item) => JSON.stringify(item)).join("\\n"),', "});",
            "console.log(await response.text());",
        ]
    )  # fmt: skip


def _literal(value: Any) -> str:
    return re.sub(r'"([A-Za-z_]\w*)":', r"\1:", json.dumps(value))
