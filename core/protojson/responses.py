"""Responses of operations in their HTTP form, in both directions: for servers and for clients."""

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from core.protojson.decoding import Errors, field_reader, message_reader
from core.protojson.encoding import field_encoder, to_json
from core.protojson.requests import VERSION
from tandem.common.v1.common_pb2 import AuditInfo, PaginationResponse

if TYPE_CHECKING:
    # At run time it would import the models, which clients do not need.
    from core.operations import Operation

_PAGE_KEYS = ("next_page_token", "total_count")
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")).encode


def in_one_line(text: str) -> str:
    """Escape the line separators that JSON leaves unescaped, so that every reader sees the text as one line."""
    if text.isascii():
        return text
    return text.replace("\u2028", r"\u2028").replace("\u2029", r"\u2029").replace("\x85", r"\u0085")


def _text_of(values: Any) -> str:
    return in_one_line(_encode(values))


def answer(operation: "Operation", response: Message) -> Any:
    """Return the JSON values of a response: a bare resource, a list with its page, or the message; None = empty."""
    if operation.response_class is Empty:
        return None
    bare = operation.http.response_body
    if bare:
        field = response.DESCRIPTOR.fields_by_name[bare]
        is_unset = field.has_presence and not response.HasField(bare)
        return None if is_unset else field_encoder(field)(getattr(response, bare))
    values = to_json(response)
    page = page_field(operation.method.output_type)
    if page:
        values.pop(page)
        pagination: PaginationResponse = getattr(response, page)
        values |= {"next_page_token": pagination.next_page_token, "total_count": pagination.total_count}
    return values


def answer_bytes(operation: "Operation", response: Message) -> bytes:
    """Return the body of a response: the JSON values of `answer`, encoded."""
    return _text_of(answer(operation, response)).encode()


def message_bytes(message: Message, **replaced: Any) -> bytes:
    """Return a message of a stream as JSON, with every field as a key.

    Args:
        replaced: values to write in place of the message's own.
    """
    return _text_of(to_json(message) | replaced).encode()


def read_answer(operation: "Operation", body: Any) -> Message:
    """Return the response message of an HTTP response: the reverse of `answer`.

    Raises:
        ValidationError: the body is not a response of this operation.
    """
    response_class, response_type, errors = operation.response_class, operation.method.output_type, Errors()
    if response_class is Empty:
        return response_class()
    fields: dict[str, Any] = {}
    bare, page = operation.http.response_body, page_field(response_type)
    if bare:
        if body is not None:
            fields[bare] = field_reader(response_type.fields_by_name[bare])(body, (), errors)
    else:
        values = dict(body) if page and isinstance(body, dict) else body
        page_values = {name: values.pop(name, None) for name in _PAGE_KEYS} if values is not body else {}
        response = message_reader(response_type, frozenset(filter(None, [page])))(values, (), errors)
        fields.update((field.name, value) for field, value in response.ListFields())
        if page:
            pagination = message_reader(PaginationResponse.DESCRIPTOR)(page_values, (), errors)
            pagination.has_more = bool(pagination.next_page_token)
            fields[page] = pagination
    errors.raise_any()
    return response_class(**fields)


def success_status(operation: "Operation") -> int:
    """Return the HTTP status of a successful response."""
    if operation.response_class is Empty:
        return 204
    # What such a call starts continues after its answer.
    if operation.stores_file or operation.rpc.startswith("Count"):
        return 202
    return 201 if operation.rpc.startswith(("Create", "Add")) else 200


def resource_type(operation: "Operation") -> Descriptor:
    """Return the type of the resource in the body, or of the whole response if the body is not one resource."""
    response, bare = operation.method.output_type, operation.http.response_body
    field = response.fields_by_name[bare] if bare else None
    return field.message_type if field and field.message_type and not field.is_repeated else response


@cache
def page_field(response: Descriptor) -> str:
    """Return the name of the response's pagination field; empty when it has none."""
    return next((field.name for field in response.fields if field.message_type is PaginationResponse.DESCRIPTOR), "")


def version_path(resource: Descriptor) -> str:
    """Return the path of the resource's version, which `ETag` and `If-Match` carry; empty when it has no version."""
    audit, version = resource.fields_by_name.get("audit"), resource.fields_by_name.get(VERSION)
    if audit is not None and audit.message_type is AuditInfo.DESCRIPTOR:
        return f"audit.{VERSION}"
    return VERSION if version is not None and version.type == FieldDescriptor.TYPE_INT64 else ""
