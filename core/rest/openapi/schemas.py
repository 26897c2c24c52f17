"""Messages as JSON Schemas."""

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from core import enums
from core.rest.json.forms import DATE, TIMESTAMP, is_map, map_value

Schema = dict[str, Any]

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


class Schemas:
    """The schemas of messages, each once for answers and once for what is sent.

    An answer has all its keys. What is sent may leave each out or make it null, and may have no other.

    Attributes:
        components: name → schema, of every message and enum that was asked for.
    """

    def __init__(self, comments: Mapping[str, str], limits: Mapping[str, Mapping[str, Any]]) -> None:
        self.components: dict[str, Schema] = {}
        self._comments = comments
        self._limits = limits

    def answered(self, message_type: Descriptor) -> Schema:
        """The schema of a whole message in an answer."""
        name = message_type.full_name
        if name not in self.components:
            self.components[name] = {}  # its place in the order
            self.components[name] = self.object(message_type, self.answered_fields(message_type.fields), closed=False)
        return _reference("schemas", name)

    def sent(self, message_type: Descriptor) -> Schema:
        """The schema of a whole message in a body."""
        name = f"{message_type.full_name}.Input"
        if name not in self.components:
            self.components[name] = {}
            self.components[name] = self.object(message_type, self.sent_fields(message_type.fields), closed=True)
        return _reference("schemas", name)

    def answered_fields(self, fields: Iterable[FieldDescriptor]) -> dict[str, Schema]:
        """The schemas of some fields in an answer, by key."""
        return {field.name: self._described(field, self._answered_field(field)) for field in fields}

    def sent_fields(self, fields: Iterable[FieldDescriptor]) -> dict[str, Schema]:
        """The schemas of some fields in a body, by key."""
        return {field.name: self._described(field, _or_null(self.field(field, sent=True))) for field in fields}

    def object(self, message_type: Descriptor, properties: dict[str, Schema], *, closed: bool) -> Schema:
        """An object with these keys: any of them and no other (`closed`), or all of them."""
        schema: Schema = {"type": "object", "properties": properties}
        if comment := self.comment(message_type.full_name):
            schema["description"] = comment
        return schema | ({"additionalProperties": False} if closed else {"required": list(properties)})

    def field(self, field: FieldDescriptor, *, sent: bool) -> Schema:
        """The schema of a field's value that is not null."""
        if is_map(field):
            return {"type": "object", "additionalProperties": self._item(map_value(field), sent=sent)}
        if field.is_repeated:
            return {"type": "array", "items": self._item(field, sent=sent)}
        return {**self._item(field, sent=sent), **self._limits.get(field.full_name, {})}

    def comment(self, full_name: str) -> str:
        return self._comments.get(full_name, "")

    def _answered_field(self, field: FieldDescriptor) -> Schema:
        schema = self.field(field, sent=False)
        may_be_null = field.has_presence or (field.enum_type and not field.is_repeated)
        return _or_null(schema) if may_be_null else schema

    def _item(self, field: FieldDescriptor, *, sent: bool) -> Schema:
        if field.message_type:
            text = _TEXTS.get(field.message_type.full_name)
            return dict(text) if text else self.sent(field.message_type) if sent else self.answered(field.message_type)
        if field.enum_type:
            return self._enum(field.enum_type)
        return dict(_SCALARS[field.cpp_type])

    def _enum(self, enum: EnumDescriptor) -> Schema:
        schema: Schema = {"type": "string", "enum": list(enums.numbers(enum))}
        if comment := self.comment(enum.full_name):
            schema["description"] = comment
        self.components[enum.full_name] = schema
        return _reference("schemas", enum.full_name)

    def _described(self, field: FieldDescriptor, schema: Schema) -> Schema:
        comment = self.comment(field.full_name)
        return schema | {"description": comment} if comment else schema


def _or_null(schema: Schema) -> Schema:
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema | {"type": [schema["type"], "null"]}


def _reference(kind: str, name: str) -> Schema:
    return {"$ref": f"#/components/{kind}/{name}"}
