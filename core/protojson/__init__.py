"""Conversion between proto messages and JSON, by one set of rules.

Names and shapes are derived from the descriptors:

- Keys are the names of the proto fields. A response has every key: `null` for a message or an `optional` field that is
  unset and for an enum that is UNSPECIFIED, `[]` and `{}` for an empty list or map.
- Enums are texts (`core.protojson.enums`), a Timestamp is `2026-01-31T09:30:00Z`, a common.v1.Date `2026-01-31`, an
  integer of any width a number.
- A request's values must have the type of their field and are never converted: `5` is not a text, `5.0` and `true` are
  not whole numbers, a time has an offset, an unknown or duplicate key is an error. `null` means unset. The models check
  everything beyond the type.

The REST transport, the OpenAPI document, the tests' REST client and clients in Python all use these functions. Types
that no operation needs have no JSON form and fail at their first use: maps whose keys are numbers.
"""

from core.protojson.decoding import from_json
from core.protojson.encoding import set_fields, to_json
from core.protojson.requests import HttpCall, read_form, read_item, read_items, read_request, write_request
from core.protojson.responses import (
    answer,
    answer_bytes,
    in_one_line,
    message_bytes,
    read_answer,
    success_status,
    version_path,
)

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
