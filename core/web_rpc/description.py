"""The description of the gRPC API for `docs/grpc.json`, which the server serves: services, messages and enums.

Generating it needs the protobuf compiler, for the comments; a running server does not.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor

from core import examples, protojson
from core.operations import Operation
from core.protojson.forms import is_map, map_value
from core.protojson.requests import plan
from core.rest.multipart import metadata_type
from core.rest.openapi.comments import comments
from core.rest.openapi.schemas import is_required
from core.rest.viewsets import served_viewsets

_TYPES = {
    number: name.removeprefix("TYPE_").lower()
    for name, number in vars(FieldDescriptor).items()
    if name.startswith("TYPE_")
}


def current_description() -> dict[str, Any]:
    """Generate the document of the operations in the URLconf."""
    texts = comments(Path(settings.BASE_DIR) / "proto")
    description = _Description(texts)
    services: dict[str, dict[str, Any]] = {}
    for viewset in served_viewsets():
        for operation in viewset.operations:
            service = operation.method.containing_service
            described = services.setdefault(service.full_name, description.service(operation.method))
            described["methods"].append(description.method(operation, viewset.examples.get(operation.rpc)))
    return {
        "version": settings.VERSION,
        "services": sorted(services.values(), key=lambda service: str(service["name"])),
        "messages": dict(sorted(description.messages.items())),
        "enums": dict(sorted(description.enums.items())),
        "example_values": examples.described(),
    }


class _Description:
    """The parts of the document.

    Attributes:
        messages: name → fields, of every message that a described method needs.
        enums: name → values.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.messages: dict[str, dict[str, Any]] = {}
        self.enums: dict[str, dict[str, Any]] = {}
        self._texts = texts

    def service(self, method: MethodDescriptor) -> dict[str, Any]:
        service = method.containing_service
        comment = self._text(service.full_name) or self._text(service.file.package)
        return {"name": service.full_name, "comment": comment, "file": service.file.name, "methods": []}

    def method(self, operation: Operation, example: Any) -> dict[str, Any]:
        method = operation.method
        self._add(method.input_type)
        self._add(method.output_type)
        return {
            "name": operation.rpc,
            "comment": self._text(method.full_name),
            "input": method.input_type.full_name,
            "output": method.output_type.full_name,
            "takes_stream": operation.takes_stream,
            "answers_stream": operation.answers_stream,
            "public": operation.public,
            "http": {"verb": operation.http.verb, "path": operation.http.path},
            "example": example_of(operation, example),
        }

    def _add(self, message: Descriptor) -> None:
        if message.full_name in self.messages:
            return
        described: dict[str, Any] = {"comment": self._text(message.full_name), "fields": []}
        self.messages[message.full_name] = described
        described["fields"] = [self._field(field) for field in message.fields]

    def _field(self, field: FieldDescriptor) -> dict[str, Any]:
        value = map_value(field) if is_map(field) else field
        described = {
            "name": field.name,
            "json": field.json_name,
            "type": self._type(value),
            "comment": self._text(field.full_name),
            "is": "map" if is_map(field) else "list" if field.is_repeated else "one",
            "required": is_required(field),
        }
        oneof = field.containing_oneof
        return described | ({"oneof": oneof.name} if oneof and not oneof.name.startswith("_") else {})

    def _type(self, field: FieldDescriptor) -> str:
        if field.message_type:
            self._add(field.message_type)
            return str(field.message_type.full_name)
        if field.enum_type:
            self._add_enum(field.enum_type)
            return str(field.enum_type.full_name)
        return _TYPES[field.type]

    def _add_enum(self, enum: EnumDescriptor) -> None:
        values = [
            {"name": value.name, "number": value.number, "comment": self._text(f"{enum.full_name}.{value.name}")}
            for value in enum.values
        ]
        self.enums[enum.full_name] = {"comment": self._text(enum.full_name), "values": values}

    def _text(self, name: str) -> str:
        return self._texts.get(name, "")


def example_of(operation: Operation, example: Any) -> list[dict[str, Any]]:
    """Return the example of an operation as messages in the JSON of proto3: one, or those of its stream."""
    if operation.takes_file:
        return [{"metadata": _metadata(operation, example)}, {"chunk": ""}]
    if operation.takes_stream:
        items = example if isinstance(example, list) else [example]
        read = [protojson.read_item(operation, json.dumps(item).encode()) for item in items]
        return [_json(message) for message in read]
    path = {name: str(_in_path(operation, name)) for name in operation.http.path_fields}
    has_body = plan(operation).body_type is not None
    query = "" if has_body else urlencode(list(_pairs(example or {})))
    body = json.dumps(example).encode() if has_body and example is not None else b""
    return [_json(protojson.read_request(operation, path, query, body))]


def _metadata(operation: Operation, example: Any) -> dict[str, Any]:
    fields = protojson.read_form(metadata_type(operation), list(_pairs(example or {})))
    in_path = {name: _in_path(operation, name) for name in operation.http.path_fields}
    metadata = operation.request_class.DESCRIPTOR.fields_by_name["metadata"]
    message: Any = operation.request_class(**{metadata.name: {**fields, **in_path}})
    return _json(message)["metadata"]  # type: ignore[no-any-return]


def _in_path(operation: Operation, name: str) -> Any:
    return examples.in_path(operation.rpc, operation.http.path, name)


def _pairs(fields: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            yield name, str(one).lower() if isinstance(one, bool) else str(one)


def _json(message: Any) -> dict[str, Any]:
    return json_format.MessageToDict(message)
