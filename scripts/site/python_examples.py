"""Examples of an operation with the clients for Python, blocking and asyncio, of the same request as the others."""

from typing import Any, NamedTuple

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from core.operations import Operation
from scripts.site.examples import FILES, GRPC, HttpExample, messages

#: Service → the attribute of a client with its stub.
_STUBS = {
    "UserService": "users", "ProjectService": "projects", "TaskService": "tasks", "MeetingService": "meetings",
    "DrawingService": "drawings", "ChangeService": "changes", "AuthService": "auth",
}  # fmt: skip


class _Call(NamedTuple):
    """A call with the attribute `client`.

    Attributes:
        imports: lines that import what it needs.
        functions: lines of a function that it needs.
        expression: the call.
    """

    imports: list[str]
    functions: list[str]
    expression: str


def blocking(operation: Operation, example: HttpExample) -> str:
    """Return a program with `Client`."""
    call = _call(operation, example, "Stub")
    lines = ["from tandem.client import Client", *call.imports, "", *call.functions]
    lines += [f'with Client("{GRPC}") as client:', *_indented(_printed(operation, call.expression))]
    return "\n".join(lines)


def asyncio(operation: Operation, example: HttpExample) -> str:
    """Return a program with `AsyncClient`."""
    call = _call(operation, example, "AsyncStub")
    connected = [
        f'async with AsyncClient("{GRPC}") as client:',
        *_indented(_printed(operation, call.expression, "async for", "await ")),
    ]
    lines = ["import asyncio", "", "from tandem.client import AsyncClient", *call.imports, "", *call.functions]
    lines += ["async def main() -> None:", *_indented(connected), "", "asyncio.run(main())"]
    return "\n".join(lines)


def _call(operation: Operation, example: HttpExample, stub_suffix: str) -> _Call:
    service, request = operation.method.containing_service, operation.method.input_type
    imports = [f"from {_module(request.file.name)} import {request.name}"]
    if request.file.name.startswith("google/"):
        imports = ["from google.protobuf.empty_pb2 import Empty"]
    stub = f"client.{_STUBS.get(service.name, '')}"
    if service.name not in _STUBS:
        stub_class = f"{service.name}{stub_suffix}"
        imports.append(f"from {_module(service.file.name)}_grpc import {stub_class}")
        stub = f"{stub_class}(client.channel)"
    functions = _parts(operation, example) if operation.takes_file else []
    if operation.takes_file:
        argument = "parts()"
    else:
        built = [constructed(message) for message in messages(operation, example)]
        argument = f"iter([{', '.join(built)}])" if operation.takes_stream else built[0]
    timeout = ", timeout=2" if operation.is_feed else ""
    return _Call(imports, functions, f"{stub}.{operation.rpc}({argument}{timeout})")


def _parts(operation: Operation, example: HttpExample) -> list[str]:
    """Return a function that reads a file in parts."""
    request = operation.method.input_type.name
    arguments = ", ".join(f"{name!r}: {value!r}" for name, value in {**example.path_values, **example.body}.items())
    return [
        "def parts():",
        f"    yield {request}(metadata={{{arguments}}})",
        f'    with open("{FILES[operation.name]}", "rb") as file:',
        "        while chunk := file.read(65536):",
        f"            yield {request}(chunk=chunk)",
        "",
    ]


def _printed(operation: Operation, call: str, loop: str = "for", wait: str = "") -> list[str]:
    """Return the lines that make the call and print its answer, or of a feed its first."""
    if operation.answers_file:
        return [f'data = b"".join([part.chunk {loop} part in {call}])', "print(len(data))"]
    if operation.answers_stream:
        return [f"{loop} answer in {call}:", "    print(answer)", *(["    break"] if operation.is_feed else [])]
    return [f"print({wait}{call})"]


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


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
