"""Random messages of any type, the same ones for the same seed."""

import math
import random
import struct
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from tandem.common.v1.common_pb2 import Date

_CHARACTERS = "ab Z09\"\\/<>&'\x00\n\u00e4\u20ac\u2028\uffff\U0001f600"
_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


def random_message(message_type: Descriptor, rng: random.Random, *, fill: float = 0.6) -> Any:
    """Return a message whose every field is set with the probability `fill`.

    An enum is never UNSPECIFIED where that differs from unset: JSON has one `null` for both.
    """
    if message_type is Timestamp.DESCRIPTOR:
        nanos = rng.choice([0, 5, 1_000, 120_000_000, 999_999_999])
        return Timestamp(seconds=rng.randint(-62_135_596_800, 253_402_300_799), nanos=nanos)
    if message_type is Date.DESCRIPTOR:
        return Date(year=rng.randint(0, 9999), month=rng.randint(0, 99), day=rng.randint(0, 99))
    message: Message = GetMessageClass(message_type)()
    fields = [field for field in message_type.fields if field.containing_oneof is None or field.has_presence]
    rng.shuffle(fields)  # of a oneof the last one set stays
    for field in fields:
        if rng.random() < fill:
            _set(message, field, lambda part=field: random_value(part, rng, fill=fill), rng)
    return message


def random_value(field: FieldDescriptor, rng: random.Random, *, fill: float = 0.6) -> Any:
    """Return a value of the field; for a list, one of its items."""
    if field.message_type:
        return random_message(field.message_type, rng, fill=fill)
    if field.enum_type:
        return rng.choice([value.number for value in field.enum_type.values if value.number])
    if field.cpp_type in _RANGES:
        smallest, largest = _RANGES[field.cpp_type]
        return rng.choice([smallest, largest, 0, 1, rng.randint(smallest, largest)])
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return rng.random() < 0.5
    if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
        return rng.choice([0.1, -2.5e-300, math.pi, 1.7976931348623157e308, rng.uniform(-1e9, 1e9)])
    if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT:
        number = rng.choice([0.1, -1e-40, 3.4028234e38, rng.uniform(-1e9, 1e9)])
        return struct.unpack("f", struct.pack("f", number))[0]
    if field.type == FieldDescriptor.TYPE_BYTES:
        return rng.randbytes(rng.randint(0, 8))
    return random_text(rng)


def random_text(rng: random.Random) -> str:
    return "".join(rng.choices(_CHARACTERS, k=rng.randint(0, 8)))


def _set(message: Message, field: FieldDescriptor, value: Callable[[], Any], rng: random.Random) -> None:
    held = getattr(message, field.name)
    if field.message_type and field.message_type.GetOptions().map_entry:
        of = field.message_type.fields_by_name["value"]
        for _ in range(rng.randint(0, 3)):
            key = random_text(rng)
            if of.message_type:
                held[key].CopyFrom(random_value(of, rng))
            else:
                held[key] = random_value(of, rng)
    elif field.is_repeated:
        held.extend(value() for _ in range(rng.randint(0, 3)))
    elif field.message_type:
        held.SetInParent()
        held.CopyFrom(value())
    else:
        setattr(message, field.name, value())
