"""Hostile messages, built from the descriptors: plausible ones with few bad values, random ones, and broken bytes."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.fuzz.known import KINDS, Known

#: Deeper messages, such as those of a Struct, stay empty.
_MAX_DEPTH = 5
_INTEGERS = (0, 1, 2, 3, -1, 10, 100, 101, 255, 256, 1000, 2**31 - 1, -(2**31), 2**31, 2**32 - 1, 2**63 - 1, -(2**63))
_NUMBERS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-320, 1e308, float("inf"), float("-inf"), float("nan"))
_TEXTS = (
    "", " ", "\x00", "a\x00b", "\ufeff", "\u202e", "\U0001f600" * 50, "\uffff", "e\u0301" * 20, "../../etc/passwd",
    "%00", "%", "' OR 1=1 --", '"', "\\", "<script>", "{{7*7}}", "${x}", "\r\nX: y", "NaN", "null", "-1", "1e309",
    "9" * 400, "2026-02-30T25:61:61Z", "0001-01-01T00:00:00Z", "me", "*", "a" * 256, "a@b", "@", "x@example.com",
    f"{'a' * 65}@example.com", "ann@exämple.com", "password-of-fuzz-1", "+490000", "en", "de-DE-x-y", "Europe/Nowhere",
    "a/b;q=x", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "image/png", "(?:a+)+$",
    "01990000-0000-7000-8000-0000", "{01990000-0000-7000-8000-000000000000}", "application/pdf", "\u0130", "\u00df",
)  # fmt: skip
_HUGE = (70_000, 300_000, 1_100_000)
_JSON_VALUES: tuple[Any, ...] = (
    None, True, -1, 0.5, 2**70, "", "\x00", "\ud800", [], [None], [[[]]], {}, {"": None}, {"@type": "x"}, "NaN",
    "a" * 5000,
)  # fmt: skip
_JSON_TEXTS = (
    b"", b" ", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe{}", b"\xef\xbb\xbf{}", b'{"a":1,"a":2}', b"{}{}",
    b'{"a":1e999}', b'{"a":-}', b"[" * 3000, b'{"a":' * 3000, b'{"\\ud800":1}', b"NaN", b'{"a":NaN}', b"{'a':1}",
    b"{}\x00", b'{"id":"\xc3\x28"}', b'{"page_size":' + b"9" * 5000 + b"}",
)  # fmt: skip


class Maker:
    """Makes messages from random numbers, the same ones for the same state of both."""

    def __init__(self, rng: Random, known: Known) -> None:
        self._rng = rng
        self._known = known
        #: Probability of a bad value in a field.
        self._bad = rng.choice((0.0, 0.0, 0.05, 0.15, 0.5, 1.0))
        self._fill = rng.choice((0.2, 0.6, 0.9, 1.0))

    def message(self, kind: Descriptor, depth: int = 0) -> Message:
        """Return a message that can be encoded."""
        message: Message = GetMessageClass(kind)()
        if isinstance(message, FieldMask):
            message.paths.extend(self._text("path") for _ in range(self._rng.randrange(3)))
            return message
        for field in kind.fields:
            if self._rng.random() < self._fill and (depth < _MAX_DEPTH or field.message_type is None):
                self._set(message, field, depth)
        self._point_mask(message)
        return message

    def encoded(self, kind: Descriptor) -> bytes:
        """Return a message as bytes, sometimes broken ones."""
        data = self.message(kind).SerializeToString()
        if self._rng.random() < 0.75:
            return data
        return self._rng.choice(_BREAKS)(data, kind, self._rng)

    def encoded_json(self, kind: Descriptor) -> bytes:
        """Return a message as JSON, sometimes with values of other types, or as no JSON at all."""
        if self._rng.random() < 0.1:
            return self._rng.choice(_JSON_TEXTS)
        try:
            tree = json_format.MessageToDict(self.message(kind))
        except (ValueError, json_format.SerializeToJsonError, OverflowError):
            tree = {}
        if self._rng.random() < 0.4:
            self._replace(tree)
        text = json.dumps(tree).encode()
        return text[: self._rng.randrange(len(text))] if self._rng.random() < 0.03 else text

    def _set(self, message: Message, field: FieldDescriptor, depth: int) -> None:
        held = getattr(message, field.name)
        if field.message_type and field.message_type.GetOptions().map_entry:
            value = field.message_type.fields_by_name["value"]
            for _ in range(self._rng.randrange(3)):
                if value.message_type:
                    held[self._text("key")].CopyFrom(self.message(value.message_type, depth + 1))
                else:
                    held[self._text("key")] = self._scalar(value)
        elif field.is_repeated:
            for _ in range(self._rng.choice((0, 1, 2, 3, 3, 200) if depth < 2 else (0, 1, 2))):
                if field.message_type:
                    held.append(self.message(field.message_type, depth + 1))
                else:
                    held.append(self._scalar(field))
        elif field.message_type:
            held.CopyFrom(self.message(field.message_type, depth + 1))
        else:
            setattr(message, field.name, self._scalar(field))

    def _scalar(self, field: FieldDescriptor) -> Any:
        rng, bad = self._rng, self._rng.random() < self._bad
        if field.enum_type:
            return rng.choice((-1, 2**31 - 1, -(2**31), 99)) if bad else rng.choice(field.enum_type.values).number
        if field.type == FieldDescriptor.TYPE_BYTES:
            return rng.randbytes(rng.choice((0, 1, 100, 5000)))
        match field.cpp_type:
            case FieldDescriptor.CPPTYPE_BOOL:
                return rng.random() < 0.5
            case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
                return rng.choice(_NUMBERS) if bad else rng.uniform(0, 800)
            case FieldDescriptor.CPPTYPE_STRING:
                return self._text(_named(field), bad=bad)
        number = rng.choice(_INTEGERS) if bad else rng.randint(0, 3)
        unsigned = field.cpp_type in (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64)
        bits = 64 if field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64) else 32
        lowest, highest = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        return max(lowest, min(highest, number))

    def _text(self, name: str, *, bad: bool = False) -> str:
        rng = self._rng
        if bad:
            if rng.random() < 0.01:
                return "x" * rng.choice(_HUGE)
            if rng.random() < 0.2 and name.endswith(("id", "ids", "token", "cursor")):
                return _changed(self._id_or_token(name), rng)
            return rng.choice(_TEXTS)
        if name.endswith(("id", "ids", "token", "cursor")):
            return self._id_or_token(name)
        if "email" in name:
            return f"fuzz{rng.randrange(10**6)}@example.com"
        if name.endswith("password"):
            return "a password of fuzzing"
        return rng.choice(("abc", "Plan the week", "jane", "en", "DE", "X-1", "a", "title", ""))

    def _id_or_token(self, name: str) -> str:
        if name.endswith(("token", "cursor")):
            return self._rng.choice(("", *self._known.tokens))
        return self._known.id_for(name, self._rng)

    def _point_mask(self, message: Message) -> None:
        """Have most masks name fields of the messages beside them."""
        for field in message.DESCRIPTOR.fields:
            if field.message_type is FieldMask.DESCRIPTOR and message.HasField(field.name) and self._rng.random() < 0.8:
                beside = [other.message_type for other in message.DESCRIPTOR.fields if other.message_type]
                kind = self._rng.choice([message.DESCRIPTOR, *beside])
                names = [other.name for other in kind.fields]
                mask = getattr(message, field.name)
                del mask.paths[:]
                mask.paths.extend(self._rng.sample(names, min(len(names), 2)))

    def _replace(self, tree: Any) -> None:
        """Replace a value somewhere in the tree, or add one."""
        while isinstance(tree, dict) and tree:
            name = self._rng.choice(list(tree))
            if not isinstance(tree[name], dict) or self._rng.random() < 0.4:
                tree[name] = self._rng.choice(_JSON_VALUES)
                return
            tree = tree[name]
        if isinstance(tree, dict):
            tree[self._rng.choice(("id", "unknown", "", "\x00", "updateMask"))] = self._rng.choice(_JSON_VALUES)


def _named(field: FieldDescriptor) -> str:
    """Return the name of a field; of an `id`, that of the thing, as `GetTaskRequest.id` is a task's."""
    if field.name not in ("id", "ids"):
        return {"assigned_to": "user_id"}.get(field.name, field.name)
    message = field.containing_type.name.lower()
    return next((f"{kind}_id" for kind in KINDS if kind.replace("_", "") in message), "id")


def _changed(text: str, rng: Random) -> str:
    """Return the text with another character, without one, or twice."""
    if not text:
        return "x"
    at = rng.randrange(len(text))
    return rng.choice(
        (text[:at] + rng.choice("0aZ-_=\x00é") + text[at + 1 :], text[:at], text * 2, text.upper(), f" {text}")
    )


# Broken bytes


def _varint(number: int) -> bytes:
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*data, number))


def _tag(field: FieldDescriptor, wire_type: int) -> bytes:
    return _varint(field.number << 3 | wire_type)


def _any_field(kind: Descriptor, rng: Random, *types: int) -> FieldDescriptor | None:
    fields = [field for field in kind.fields if not types or field.type in types]
    return rng.choice(fields) if fields else None


def _cut(data: bytes, kind: Descriptor, rng: Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _flip(data: bytes, kind: Descriptor, rng: Random) -> bytes:
    broken = bytearray(data or b"\x00")
    for _ in range(rng.randint(1, 4)):
        broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
    return bytes(broken)


def _garbage(data: bytes, kind: Descriptor, rng: Random) -> bytes:
    return data + rng.randbytes(rng.randint(1, 40))


def _other_wire_type(data: bytes, kind: Descriptor, rng: Random) -> bytes:
    field = _any_field(kind, rng)
    payloads = {0: b"\x05", 1: b"12345678", 2: b"\x03abc", 3: b"", 4: b"", 5: b"1234"}
    wire_type = rng.choice(list(payloads))
    return data + _tag(field, wire_type) + payloads[wire_type] if field else data


def _invalid_utf8(data: bytes, kind: Descriptor, rng: Random) -> bytes:
    field = _any_field(kind, rng, FieldDescriptor.TYPE_STRING)
    return data + _tag(field, 2) + rng.choice((b"\x02\xc3\x28", b"\x03\xed\xa0\x80", b"\x01\xff")) if field else data


def _unknown_enum(data: bytes, kind: Descriptor, rng: Random) -> bytes:
    field = _any_field(kind, rng, FieldDescriptor.TYPE_ENUM)
    return data + _tag(field, 0) + _varint(rng.choice((77, 2**31 - 1, 2**64 - 1, 2**40))) if field else data


def _false_length(data: bytes, kind: Descriptor, rng: Random) -> bytes:
    field = _any_field(kind, rng)
    return data + _tag(field, 2) + _varint(rng.choice((2**31, 2**63, 10**6))) + b"abc" if field else data


def _long_varint(data: bytes, kind: Descriptor, rng: Random) -> bytes:
    field = _any_field(kind, rng)
    return data + (_tag(field, 0) if field else b"\x08") + b"\xff" * 11


def _nested(data: bytes, kind: Descriptor, rng: Random) -> bytes:
    field, inner = _any_field(kind, rng, FieldDescriptor.TYPE_MESSAGE), b""
    for _ in range(rng.choice((5, 120, 1000))):
        inner = (_tag(field, 2) if field else b"\x0a") + _varint(len(inner)) + inner
    return data + inner


def _twice(data: bytes, kind: Descriptor, rng: Random) -> bytes:
    return data * 2


def _unknown_field(data: bytes, kind: Descriptor, rng: Random) -> bytes:
    return data + _varint(rng.choice((0, 536_870_911 << 3 | 2, 19_000 << 3 | 2, 5_000 << 3 | 2))) + b"\x03abc"


_BREAKS: tuple[Callable[[bytes, Descriptor, Random], bytes], ...] = (
    _cut, _flip, _garbage, _other_wire_type, _invalid_utf8, _unknown_enum, _false_length, _long_varint, _nested, _twice,
    _unknown_field,
)  # fmt: skip
