"""JSON Schemas of messages."""

from collections.abc import Iterable, Mapping
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from core.protojson import enums
from core.protojson.forms import DATE, TIMESTAMP, is_map, is_nested, map_value
from core.rest.openapi.components import Schema, reference

_SCALARS: dict[int, Schema] = {
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.CPPTYPE_INT64: {"type": "integer", "format": "int64"},
    FieldDescriptor.CPPTYPE_UINT32: {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    FieldDescriptor.CPPTYPE_UINT64: {"type": "integer", "minimum": 0, "maximum": 2**64 - 1},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.CPPTYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
}
_TEXTS: dict[str, Schema] = {
    TIMESTAMP: {"type": "string", "format": "date-time"},
    DATE: {"type": "string", "format": "date"},
}
_NOT_EMPTY: dict[str, Schema] = {"string": {"minLength": 1}, "array": {"minItems": 1}}


class Schemas:
    """The schemas of messages, with one schema for responses and one for requests.

    A response has all keys. A request has the keys that the contract marks as REQUIRED; the others may be missing or
    null, and no further ones are allowed. In a change (PATCH) every key may be missing.

    Attributes:
        components: name → schema, of every message and enum requested so far.
    """

    def __init__(self, comments: Mapping[str, str], limits: Mapping[str, Mapping[str, Any]]) -> None:
        self.components: dict[str, Schema] = {}
        self._comments = comments
        self._limits = limits

    def response_message(self, message_type: Descriptor) -> Schema:
        """Return the schema of a whole message in a response."""
        name = message_type.full_name
        if name not in self.components:
            self.components[name] = {}  # Ends the recursion of messages that contain themselves.
            self.components[name] = self.object(message_type, self.response_fields(message_type.fields), closed=False)
        return reference("schemas", name)

    def request_message(self, message_type: Descriptor, *, whole: bool = True) -> Schema:
        """Return the schema of a message in a request body.

        Args:
            whole: the body is a complete message; otherwise it changes an existing one.
        """
        name = f"{message_type.full_name}.{'Input' if whole else 'Change'}"
        if name not in self.components:
            self.components[name] = {}
            self.components[name] = self.request_object(message_type, message_type.fields, whole=whole)
        return reference("schemas", name)

    def request_object(
        self, message_type: Descriptor, fields: Iterable[FieldDescriptor], *, whole: bool = True
    ) -> Schema:
        """Return the schema of some fields of a message in a request body; see `request_message`."""
        fields = list(fields)
        required = [field.name for field in fields if whole and is_required(field)]
        properties = {field.name: self._described(field, self._request_field(field, whole=whole)) for field in fields}
        schema = self.object(message_type, properties, closed=True)
        return schema | ({"required": required} if required else {})

    def response_fields(self, fields: Iterable[FieldDescriptor]) -> dict[str, Schema]:
        """Return the schemas of some fields in a response, by key."""
        return {field.name: self._described(field, self._response_field(field)) for field in fields}

    def object(self, message_type: Descriptor, properties: dict[str, Schema], *, closed: bool) -> Schema:
        """Return the schema of an object: with any of these keys and no others (`closed`), or with all of them."""
        schema: Schema = {"type": "object", "properties": properties}
        if comment := self.comment(message_type.full_name):
            schema["description"] = comment
        return schema | ({"additionalProperties": False} if closed else {"required": list(properties)})

    def field(self, field: FieldDescriptor, *, in_request: bool, whole: bool = True) -> Schema:
        """Return the schema of a field's value, null excluded."""
        if is_map(field):
            return {
                "type": "object",
                "additionalProperties": self._item(map_value(field), in_request=in_request, whole=whole),
            }
        if field.is_repeated:
            return {"type": "array", "items": self._item(field, in_request=in_request, whole=whole)}
        return {**self._item(field, in_request=in_request, whole=whole), **self._limits.get(field.full_name, {})}

    def comment(self, full_name: str) -> str:
        return self._comments.get(full_name, "")

    def _response_field(self, field: FieldDescriptor) -> Schema:
        schema = self.field(field, in_request=False)
        may_be_null = field.has_presence or (field.enum_type and not field.is_repeated)
        return _or_null(schema) if may_be_null else schema

    def _request_field(self, field: FieldDescriptor, *, whole: bool) -> Schema:
        schema = self.field(field, in_request=True, whole=whole)
        if not (whole and is_required(field)):
            return _or_null(schema)
        # A required value that is empty counts as missing (see `core.errors`).
        return schema | _NOT_EMPTY.get(schema.get("type", ""), {})

    def _item(self, field: FieldDescriptor, *, in_request: bool, whole: bool) -> Schema:
        if field.message_type:
            if text := _TEXTS.get(field.message_type.full_name):
                return dict(text)
            # Values and the items of lists are always replaced as a whole.
            whole = whole or not is_nested(field)
            return (
                self.request_message(field.message_type, whole=whole)
                if in_request
                else self.response_message(field.message_type)
            )
        if field.enum_type:
            return self._enum(field.enum_type)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return {"type": "string", "format": "byte"}
        return dict(_SCALARS[field.cpp_type])

    def _enum(self, enum: EnumDescriptor) -> Schema:
        schema: Schema = {"type": "string", "enum": list(enums.numbers(enum))}
        if comment := self.comment(enum.full_name):
            schema["description"] = comment
        self.components[enum.full_name] = schema
        return reference("schemas", enum.full_name)

    def _described(self, field: FieldDescriptor, schema: Schema) -> Schema:
        comment = self.comment(field.full_name)
        return schema | {"description": comment} if comment else schema


def is_required(field: FieldDescriptor) -> bool:
    """Return whether the contract marks the field as REQUIRED."""
    return field_behavior_pb2.REQUIRED in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


def _or_null(schema: Schema) -> Schema:
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema | {"type": [schema["type"], "null"]}
