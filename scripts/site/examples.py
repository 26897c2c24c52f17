"""Examples of an operation in four languages, made of its example in `docs/openapi.json`.

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
#: Service → the attribute of `tandem.client.Client` with its stub.
_STUBS = {
    "UserService": "users", "ProjectService": "projects", "TaskService": "tasks", "MeetingService": "meetings",
    "DrawingService": "drawings", "ChangeService": "changes", "AuthService": "auth",
}  # fmt: skip


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


def python(operation: Operation, example: HttpExample) -> str:
    """Return a program with the client of this repository."""
    if operation.takes_file:
        return _python_upload(operation, example)
    service, request = operation.method.containing_service, operation.method.input_type
    lines = ["from tandem.client import Client", f"from {_module(request.file.name)} import {request.name}"]
    stub = f"client.{_STUBS.get(service.name, '')}"
    if request.file.name.startswith("google/"):
        lines[1] = "from google.protobuf.empty_pb2 import Empty"
    if service.name not in _STUBS:
        lines.append(f"from {_module(service.file.name)}_grpc import {service.name}Stub")
        stub = f"{service.name}Stub(client.channel)"
    built = [constructed(message) for message in messages(operation, example)]
    argument = f"iter([{', '.join(built)}])" if operation.takes_stream else built[0]
    call = f"{stub}.{operation.rpc}({argument}{', timeout=2' if operation.is_feed else ''})"
    lines += ["", f'with Client("{GRPC}") as client:']
    if operation.answers_file:
        lines += [f'    data = b"".join(part.chunk for part in {call})', "    print(len(data))"]
    elif operation.answers_stream:
        lines += [f"    for answer in {call}:", "        print(answer)"]
        lines += ["        break"] if operation.is_feed else []
    else:
        lines += [f"    print({call})"]
    return "\n".join(lines)


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


def _module(proto: str) -> str:
    return proto.removesuffix(".proto").replace("/", ".") + "_pb2"


def constructed(message: Message) -> str:
    """Return Python source that builds the message."""
    values = MessageToDict(message, preserving_proto_field_name=True)
    fields = message.DESCRIPTOR.fields_by_name
    parts = [f"{_keyword(name, _value(fields[name], getattr(message, name), values[name]))}" for name in values]
    return f"{message.DESCRIPTOR.name}({', '.join(parts)})"


def _keyword(name: str, value: str) -> str:
    # `class` is a name in contracts and a keyword in Python.
    return f"**{{{name!r}: {value}}}" if name in ("class", "from") else f"{name}={value}"


def _value(field: Any, value: Any, as_json: Any) -> str:
    """Return Python source for the value of a field; constructors accept dicts for messages, and names for enums."""
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    if field.message_type is None or is_map:
        return repr(dict(value)) if is_map else _scalar(field, value, as_json)
    if field.is_repeated:
        return f"[{', '.join(_dict(item) for item in value)}]"
    return _dict(value)


def _dict(message: Any) -> str:
    parts = []
    for field, value in message.ListFields():
        as_json = MessageToDict(message, preserving_proto_field_name=True)
        shown = as_json.get(field.name) if isinstance(as_json, dict) else None
        parts.append(f"{field.name!r}: {_value(field, value, shown)}")
    return f"{{{', '.join(parts)}}}"


def _scalar(field: Any, value: Any, as_json: Any) -> str:
    if field.enum_type is not None:
        return repr(as_json)
    return repr(list(value)) if field.is_repeated else repr(value)


def _python_upload(operation: Operation, example: HttpExample) -> str:
    request = operation.method.input_type
    metadata = {**example.path_values, **example.body}
    stub = _STUBS[operation.method.containing_service.name]
    arguments = ", ".join(f"{name!r}: {value!r}" for name, value in metadata.items())
    return "\n".join(
        [
            "from tandem.client import Client",
            f"from {_module(request.file.name)} import {request.name}", "",
            "def parts():",
            f"    yield {request.name}(metadata={{{arguments}}})",
            f'    with open("{FILES[operation.name]}", "rb") as file:',
            "        while chunk := file.read(65536):",
            f"            yield {request.name}(chunk=chunk)", "",
            f'with Client("{GRPC}") as client:',
            f"    print(client.{stub}.{operation.rpc}(parts()))",
        ]
    )  # fmt: skip


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
