"""The reference: a page for each operation, from the descriptors, the comments of the contracts, and OpenAPI."""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import django
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from scripts.site.pages import Page

#: Kind of the field → its name for people.
_TYPES = {1: "number", 2: "number", 3: "integer", 4: "integer", 5: "integer", 8: "boolean", 9: "text", 12: "bytes",
          13: "integer"}  # fmt: skip
#: How ids in examples begin.
EXAMPLE_ID = "0198a3c0"
_WELL_KNOWN = {"Timestamp": "time", "FieldMask": "field mask", "Struct": "JSON object", "Duration": "duration"}


def reference_pages(root: Path) -> list[Page]:
    """Return the index of the reference, and a page for each operation.

    Raises:
        ValidationError: an example does not fit its contract.
    """
    django.setup()
    from config.rpc import services
    from core.rest.openapi.comments import comments

    document = json.loads((root / "docs/openapi.json").read_text())
    described = comments(root / "proto")
    operations = [operation for service in services for operation in service.operations]
    pages = [_page(operation, document, described) for operation in operations]
    return [_index(operations, described), *pages]


def place_of(operation: Any) -> str:
    """Return the place of an operation's page."""
    return f"reference/{operation.name.partition('/')[0]}/{operation.rpc}.md"


def _index(operations: Iterable[Any], texts: dict[str, str]) -> Page:
    lines = [
        "# Reference", "",
        "Each operation is available over REST and gRPC, with the same results and errors. Examples address a "
        "development server with the [demo data](../overview.md), where a call without credentials acts as the "
        "administrator; elsewhere add `-H \"Authorization: Bearer $TOKEN\"` ([authentication](../integrate/auth.md)). "
        "Ids in examples stand for rows of your server, the ports 8000 and 50051 for its own. The same as a document: "
        "[openapi.json](../openapi.json), and of the streams "
        "[asyncapi.json](../asyncapi.json); to try operations in the browser: [/api/v1/docs](/api/v1/docs).", "",
    ]  # fmt: skip
    service = ""
    for operation in operations:
        name = operation.name.partition("/")[0]
        if name != service:
            service = name
            lines += ["", f"## {name}", "", "| operation | HTTP | |", "|---|---|---|"]
        summary = _cell(_first_sentence(texts.get(operation.method.full_name, "")))
        link = place_of(operation).removeprefix("reference/")
        lines.append(f"| [{operation.rpc}]({link}) | `{operation.http.verb} {operation.http.path}` | {summary} |")
    return Page("reference/index.md", "\n".join(lines) + "\n")


def _page(operation: Any, document: dict[str, Any], texts: dict[str, str]) -> Page:
    from scripts.site import examples, python_examples

    described = document["paths"][operation.http.path][operation.http.verb.lower()]
    example = examples.http_example(operation, described)
    tabs: tuple[tuple[str, str, Callable[..., str]], ...] = (
        ("curl", "sh", examples.curl), ("grpcurl", "sh", examples.grpcurl),
        ("Python", "python", python_examples.blocking), ("asyncio", "python", python_examples.asyncio),
        ("TypeScript", "ts", examples.typescript),
    )  # fmt: skip
    request, response = operation.method.input_type, operation.method.output_type
    lines = [
        f"# {operation.rpc}", "", _text(texts.get(operation.method.full_name, "")), "",
        f"`{operation.http.verb} {operation.http.path}` · `{operation.name}`", "",
    ]  # fmt: skip
    for title, language, make in tabs:
        if source := make(operation, example):
            lines += [f'=== "{title}"', "", f"    ```{language}", _indented(source), "    ```", ""]
    if EXAMPLE_ID in "".join(lines):
        lines += [f"Put ids of your server in place of `{EXAMPLE_ID}…`.", ""]
    lines += ["## Access and cost", "", *_access(operation), ""]
    lines += ["## Request", "", *_fields(request, texts, operation.takes_stream), ""]
    lines += ["## Response", "", *_fields(response, texts, operation.answers_stream), ""]
    lines += ["## Failures", "", *_failures(described)]
    return Page(place_of(operation), "\n".join(lines) + "\n")


def _access(operation: Any) -> list[str]:
    """Describe callers, scopes of API keys, cost and repetition."""
    lines = ["- Anyone may call it." if operation.public else "- Callers are authenticated."]
    if operation.scope:
        lines.append(f"- An API key needs the scope `{operation.scope}` ([scopes](../../integrate/auth.md)).")
    elif not operation.public:
        lines.append("- API keys are refused.")
    lines.append(f"- It costs {operation.cost} of the caller's [budget](../../integrate/limits.md).")
    if operation.takes_key:
        lines.append("- It can be repeated safely with an [idempotency key](../../integrate/idempotency.md).")
    if operation.checks_version:
        lines.append("- It takes an expected [version](../../integrate/idempotency.md).")
    return lines


def _fields(message: Descriptor, texts: dict[str, str], is_stream: bool) -> list[str]:
    """Return a table of the fields of a message, and of the messages in it, one level deep."""
    lines = [f"A stream of `{message.full_name}`:" if is_stream else f"`{message.full_name}`:", ""]
    if not message.fields:
        return [f"`{message.full_name}`, which has no fields."]
    lines += _table(message, texts)
    inner = {field.message_type for field in message.fields if _is_own(field)} - {message, None}
    for part in sorted(filter(None, inner), key=lambda one: one.full_name):
        lines += ["", f'??? note "{part.full_name}"', "", *(f"    {row}" for row in _table(part, texts))]
    return lines


def _table(message: Descriptor, texts: dict[str, str]) -> list[str]:
    rows = [
        f"| `{field.name}` | {_type(field)} | {_cell(texts.get(field.full_name, ''))} |" for field in message.fields
    ]
    return ["| field | type | |", "|---|---|---|", *rows]


def _is_own(field: FieldDescriptor) -> bool:
    message = field.message_type
    return message is not None and not message.GetOptions().map_entry and not message.full_name.startswith("google.")


def _type(field: FieldDescriptor) -> str:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return "map"
    if field.enum_type is not None:
        name = "one of " + ", ".join(f"`{value}`" for value in _choices(field.enum_type))
    elif field.message_type is not None:
        name = _WELL_KNOWN.get(field.message_type.name, f"`{field.message_type.name}`")
    else:
        name = _TYPES.get(field.type, "text")
    return f"list of {name}" if field.is_repeated else name


def _choices(enum: Any) -> list[str]:
    """Return the values as JSON has them: lower case, without the common prefix."""
    prefix = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", enum.name).upper() + "_"
    names = [value.name.removeprefix(prefix).lower() for value in enum.values]
    return [name for name in names if name != "unspecified"]


def _failures(described: dict[str, Any]) -> list[str]:
    statuses = sorted(status for status in described["responses"] if status >= "400")
    listed = ", ".join(f"`{status}`" for status in statuses)
    return [f"HTTP {listed}, each with a reason and the fields; gRPC the code of the same row: "
            "[the table of errors](../../integrate/errors.md#reasons)."]  # fmt: skip


def _cell(text: str) -> str:
    return _text(" ".join(text.split())).replace("|", "\\|")


def _text(text: str) -> str:
    """Return a comment as Markdown: what looks like HTML stays text. Markdown itself escapes what is in backticks."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)


def _first_sentence(text: str) -> str:
    found = re.match(r"(.+?[.;:])(\s|$)", text)
    return (found[1].rstrip(";:") if found else text).rstrip(".")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())
