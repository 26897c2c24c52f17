"""Encodings of messages: protobuf, and the JSON that proto3 defines, which generated clients send.

The JSON is not that of the REST API (`core.protojson`): its keys are `dueDate`, its enums `PRIORITY_HIGH`.
"""

import json
import re
import secrets
from typing import Any, Protocol, cast

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from core.errors import invalid
from core.feeds import Event, serialized
from core.operations import snake_case
from core.protojson.decoding import has_too_many_values as is_text_too_long
from core.protojson.unknown_fields import no_such_field
from core.protojson.value_limits import TOO_MANY, has_too_many_values

# Random, so that it occurs nowhere else in a message.
_CURSOR_PLACEHOLDER = secrets.token_hex(16)
_NO_FIELD = re.compile(r'Message type "([\w.]+)" has no field named "(.*?)" at "')
_FIELD = re.compile(r"Failed to parse (\w+) field: ")
_AT_FIELD = re.compile(r" at \w+((?:\.\w+(?:\[\w+\])?)+)\.?$")
_JSON = "json"


class Codec(Protocol):
    """One encoding of messages."""

    def decode(self, message_class: type[Message], data: bytes) -> Message:
        """Return the message.

        Raises:
            ValidationError: it cannot be decoded, or has too many values.
        """

    def encode(self, message: Message) -> bytes: ...

    def event(self, event: Event) -> bytes:
        """Encode the event's message with its cursor. The payload is encoded once for all streams."""


class Proto:
    """Protobuf."""

    def decode(self, message_class: type[Message], data: bytes) -> Message:
        try:
            message = message_class.FromString(data)
        except DecodeError as exc:
            raise invalid("", "invalid", "The message cannot be decoded as a request of this method.") from exc
        return _checked(message)

    def encode(self, message: Message) -> bytes:
        return message.SerializeToString()

    def event(self, event: Event) -> bytes:
        return serialized(event)


class Json:
    """JSON, as proto3 defines it."""

    def decode(self, message_class: type[Message], data: bytes) -> Message:
        message = message_class()
        try:
            text = data.decode()
        except UnicodeDecodeError as exc:
            raise invalid("", _JSON, "The message must be JSON in UTF-8.") from exc
        if not text.lstrip().startswith("{"):
            raise invalid("", _JSON, "The message must be a JSON object.")
        if is_text_too_long(text):
            raise invalid("", _JSON, TOO_MANY)
        try:
            json_format.Parse(text, message)
        except json_format.ParseError as exc:
            raise _invalid(str(exc), message_class.DESCRIPTOR) from exc
        return _checked(message)

    def encode(self, message: Message) -> bytes:
        values = json_format.MessageToDict(message)
        return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()

    def event(self, event: Event) -> bytes:
        if not event.cursor:
            return cast(bytes, event.payload.encoded(self.encode))
        before, after = event.payload.encoded(_parts)
        return b"".join((before, event.cursor.encode(), after))


PROTO, JSON = Proto(), Json()


def _parts(message: Message) -> tuple[bytes, bytes]:
    """Return the parts of an event's JSON before and after its cursor."""
    whole = type(message)()
    whole.MergeFrom(message)
    whole.cursor = _CURSOR_PLACEHOLDER  # type: ignore[attr-defined]
    before, after = JSON.encode(whole).split(_CURSOR_PLACEHOLDER.encode())
    return before, after


def _checked(message: Message) -> Message:
    if has_too_many_values(message):
        raise invalid("", _JSON, TOO_MANY)
    return message


def _invalid(reason: str, request: Any) -> Exception:
    """Return the error on the field that protobuf's message names; its texts are for programmers and not passed on."""
    if unknown := _NO_FIELD.search(reason):
        name = unknown[2][:100]
        known = [field.json_name for field in request.file.pool.FindMessageTypeByName(unknown[1]).fields]
        return invalid((*_path(reason), name), "unknown", no_such_field((name,), known))
    if path := _path(reason):
        return invalid(path, "type", "The value does not fit its field: send it as the JSON of proto3 has it.")
    if "too deep" in reason or "recursion" in reason:
        return invalid("", _JSON, "The message is nested too deeply.")
    if duplicate := re.search(r"duplicate key (.*?)\.+$", reason, re.DOTALL):
        return invalid("", "duplicate", f"The key {duplicate[1][:100]} may be given only once.")
    if place := re.search(r"line (\d+) column (\d+)", reason):
        return invalid("", _JSON, f"The message is not valid JSON (line {place[1]}, column {place[2]}).")
    return invalid("", _JSON, "The message is not the JSON of a request of this method.")


def _path(reason: str) -> tuple[str, ...]:
    """Return the path of the field that cannot be read, by the names of the proto fields."""
    names = _FIELD.findall(reason)
    return tuple(map(snake_case, names))
