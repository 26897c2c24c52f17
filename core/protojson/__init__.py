"""The one set of rules that turns a proto message into JSON and back.

Names and shapes are read off the descriptors:

- Keys are the proto fields' names. An answer holds every key: `null` for a message or an `optional` field that is
  unset and for an enum that is UNSPECIFIED, `[]` and `{}` for nothing in a list or map.
- Enums are texts (`core.protojson.enums`), a Timestamp is `2026-01-31T09:30:00Z`, a common.v1.Date `2026-01-31`, an
  integer of any width a number.
- What is sent is taken by its type or refused, never converted: `5` is no text, `5.0` and `true` are no whole numbers,
  a time has an offset, a key that is not known or stands twice is an error. `null` means unset. What a text or a number
  may be beyond its type is the model's to say.

The HTTP door, the OpenAPI document, the tests' REST door and clients in Python all stand on these functions. What has
no JSON form here, because no operation needs one, fails when its type is first met: bytes, and maps by numbers.
"""

from core.protojson.calls import (
    HttpCall,
    answer,
    answer_bytes,
    in_one_line,
    message_bytes,
    read_answer,
    read_form,
    read_item,
    read_items,
    read_request,
    success_status,
    version_path,
    write_request,
)
from core.protojson.decoding import from_json
from core.protojson.encoding import set_fields, to_json

__all__ = [
    "HttpCall",
    "answer",
    "answer_bytes",
    "from_json",
    "in_one_line",
    "message_bytes",
    "read_answer",
    "read_form",
    "read_item",
    "read_items",
    "read_request",
    "set_fields",
    "success_status",
    "to_json",
    "version_path",
    "write_request",
]
