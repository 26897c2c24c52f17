"""Requests of operations in their HTTP form, in both directions: for servers and for clients."""

from codecs import BOM_UTF8
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from core.merge_patch import MapChange
from core.protojson.arrays import parse_array
from core.protojson.decoding import Errors, from_text, item_reader, message_reader, parse_object
from core.protojson.encoding import field_encoder, set_fields
from core.protojson.forms import is_map, is_nested
from core.protojson.query import QueryName, parse_query, query_names, read_query, write_query

if TYPE_CHECKING:
    # At run time it would import the models, which clients do not need.
    from core.operations import Operation

#: Fields of a write that HTTP expresses by other means: the body's keys, `If-Match` and `Idempotency-Key`.
MASK, VERSION, REQUEST_ID = "update_mask", "version", "request_id"
#: Of a request for a file: `Range` over HTTP.
OFFSET = "offset"
EVERYTHING = "*"
_IN_HEADERS = ((VERSION, "If-Match", '"{}"'), (REQUEST_ID, "Idempotency-Key", "{}"))
_NO_PART: tuple[None, None] = (None, None)


class HttpCall(NamedTuple):
    """A call of an operation over HTTP.

    Attributes:
        path: percent-encoded.
        query: pairs of name and value, not yet percent-encoded.
        body: the JSON values to send; None = no body.
        headers: the fields of the request message that HTTP carries in headers.
    """

    path: str
    query: list[tuple[str, str]]
    body: dict[str, Any] | None
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """The mapping of an operation's request fields to the parts of an HTTP request.

    Attributes:
        query: the names in the query string.
        body_type: the message whose fields are the body's keys; None when there is no body.
        body_field: the request field that the body represents; empty when it represents the whole request.
        no_keys: request fields that are not keys of the body.
        masked: the body's keys are the request's `update_mask`.
    """

    query: Mapping[str, QueryName]
    body_type: Descriptor | None
    body_field: str
    no_keys: frozenset[str]
    masked: bool

    @property
    def keys(self) -> list[FieldDescriptor]:
        """The fields whose names are the body's keys."""
        return [field for field in self.body_type.fields if field.name not in self.no_keys] if self.body_type else []


@cache
def plan(operation: "Operation") -> Plan:
    """Return the plan of an operation.

    Raises:
        TypeError: one of the request's fields has no form in HTTP.
    """
    request, http = operation.method.input_type, operation.http
    not_in_query = {OFFSET} if operation.answers_file else set()
    not_in_body = set(http.path_fields) | not_in_query | ({MASK, VERSION, REQUEST_ID} if operation.writes else set())
    if http.body == EVERYTHING:
        in_query: list[FieldDescriptor] = []
        body_type: Descriptor | None = request
        body_field = ""
    else:
        in_query = [field for field in request.fields if field.name not in not_in_body | {http.body}]
        body_type = request.fields_by_name[http.body].message_type if http.body else None
        body_field = http.body
    return Plan(
        query=query_names(in_query),
        body_type=body_type,
        body_field=body_field,
        no_keys=frozenset(not_in_body) if body_type is request else frozenset(),
        masked=http.verb == "PATCH" and MASK in request.fields_by_name,
    )


def read_request(
    operation: "Operation",
    path_values: Mapping[str, str],
    query: str,
    body: bytes,
    *,
    ignore: Collection[str] = (),
    map_changes: dict[str, MapChange] | None = None,
) -> Message:
    """Return the request message that an HTTP call stands for.

    Args:
        path_values: the decoded texts in the path.
        query: the query string as WSGI passes it.
        ignore: query names that the caller of this function handles.
        map_changes: set for a JSON merge patch (RFC 7396), and filled with the changes to single keys of the body's
            maps; the request then holds the entries that are set. None = the body holds whole maps.

    Raises:
        ObjectDoesNotExist: the path has a text in the place of a number.
        ValidationError: the call does not fit the request; every invalid field is named.
    """
    planned, errors = plan(operation), Errors()
    fields = {name: _path_value(operation, name, text) for name, text in path_values.items()}
    pairs = [(name, text) for name, text in parse_query(query, errors) if name not in ignore]
    fields.update(read_query(planned.query, pairs, errors))
    if planned.body_type is None:
        if body:
            errors.add((), "body", "This operation takes no body.")
        errors.raise_any()
        return operation.request_class(**fields)
    values = parse_object(body.removeprefix(BOM_UTF8), errors) if body else {}
    if map_changes is not None:
        values = _without_nulls_in_maps(planned.body_type, values, map_changes)
    resource = message_reader(planned.body_type, planned.no_keys)(values, (), errors)
    errors.raise_any()
    if planned.masked:
        _drop_empty(resource)
        fields[MASK] = FieldMask(paths=_paths(planned.body_type, values))
    if planned.body_field and body:
        fields[planned.body_field] = resource
    request = operation.request_class(**fields)
    if not planned.body_field:
        request.MergeFrom(resource)
    return request


def read_item(operation: "Operation", line: bytes) -> Message | ValidationError:
    """Return the message of a line of JSON, whose keys may be all of its fields, or the error if it is not valid."""
    errors = Errors()
    return _item(operation, parse_object(line, errors), errors)


def read_items(operation: "Operation", body: bytes, max_bytes: int) -> Iterator[Message | ValidationError]:
    """Read each value of a JSON array as `read_item` reads a line.

    Args:
        max_bytes: the largest size of one item.

    Raises:
        ValidationError: the body is not a valid JSON array.
    """
    errors = Errors()
    values = parse_array(body.removeprefix(BOM_UTF8), errors, max_bytes)
    errors.raise_any()
    return (_item(operation, value, Errors()) for value in values)


def _item(operation: "Operation", value: Any, errors: Errors) -> Message | ValidationError:
    try:
        errors.raise_any()
        message: Message = message_reader(operation.method.input_type)(value, (), errors)
        errors.raise_any()
    except ValidationError as exc:
        return exc
    return message


def read_form(message_type: Descriptor, texts: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the message's fields that a form holds, read by the rules of a query string.

    Raises:
        ValidationError: they do not fit the message; every invalid field is named.
    """
    errors = Errors()
    fields = read_query(query_names(message_type.fields), texts, errors)
    errors.raise_any()
    return fields


def write_request(operation: "Operation", request: Message, *, everything: Collection[str] | None = None) -> HttpCall:
    """Return the HTTP call of this request: the reverse of `read_request`.

    Args:
        everything: the paths that a mask `*` stands for; None = every field, including read-only ones.

    Raises:
        ValueError: a field of the path is empty.
    """
    planned, http = plan(operation), operation.http
    path = http.path
    for name in http.path_fields:
        text = str(getattr(request, name))
        if not text:
            raise ValueError(f"{name} is part of the path and may not be empty.")
        path = path.replace(f"{{{name}}}", quote(text, safe=""))
    headers = {}
    for name, header, form in _IN_HEADERS:
        if operation.writes and (value := getattr(request, name, None)):
            headers[header] = form.format(value)
    if operation.answers_file and (offset := getattr(request, OFFSET, 0)):
        headers["Range"] = f"bytes={offset}-"
    query = write_query(planned.query.values(), request)
    return HttpCall(path, query, _write_body(planned, request, everything), headers)


def _path_value(operation: "Operation", name: str, text: str) -> Any:
    field, errors = operation.method.input_type.fields_by_name[name], Errors()
    value = item_reader(field)(from_text(field, text), (name,), errors)
    if errors:
        # A text that is not a number is reported in the same way as a number that does not exist.
        noun = name.removesuffix("_id").replace("_", " ").capitalize()
        raise ObjectDoesNotExist(f"{noun} with ID {text} not found")
    return value


def _paths(message_type: Descriptor, values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the mask of a body's keys: a nested message is named field by field, a value as a whole."""
    for key, value in values.items():
        field = message_type.fields_by_name[key]
        if value is not None and field.message_type and is_nested(field):
            yield from _paths(field.message_type, value, f"{prefix}{key}.")
        else:
            yield prefix + key


def _without_nulls_in_maps(
    message_type: Descriptor, values: dict[str, Any], changes: dict[str, MapChange]
) -> dict[str, Any]:
    """Drop the map keys that a merge patch removes: a message's map cannot hold `null`."""
    remaining = copy(values)  # A copy keeps the list of duplicate keys.
    for key, value in values.items():
        field = message_type.fields_by_name.get(key)
        if field is None or not isinstance(value, dict):
            continue
        if is_map(field):
            changes[key] = MapChange(dict(value))
            remaining[key] = copy(value)
            for name in [name for name, item in value.items() if item is None]:
                del remaining[key][name]
        elif field.message_type and is_nested(field):
            remaining[key] = _without_nulls_in_maps(field.message_type, value, changes)
    return remaining


def _drop_empty(message: Message) -> None:
    """Unset nested messages in which nothing is set: `{"profile": {}}` does not change the profile."""
    for field, value in message.ListFields():
        if is_nested(field):
            _drop_empty(value)
            if not value.ListFields():
                message.ClearField(field.name)


def _write_body(planned: Plan, request: Message, everything: Collection[str] | None) -> dict[str, Any] | None:
    if planned.body_type is None:
        return None
    if planned.body_field and not request.HasField(planned.body_field) and not planned.masked:
        return None
    resource = getattr(request, planned.body_field) if planned.body_field else request
    if not (planned.masked and request.HasField(MASK)):
        return {key: value for key, value in set_fields(resource).items() if key not in planned.no_keys}
    mask = getattr(request, MASK)
    if list(mask.paths) != [EVERYTHING]:
        whole = FieldMask()
        whole.CanonicalFormFromMask(mask)  # no path within another
        return _values_at(whole.paths, resource)
    return _values_at(everything or [field.name for field in planned.keys], resource)


def _values_at(paths: Iterable[str], resource: Message) -> dict[str, Any]:
    """Return a body with these paths as keys, and `null` where the resource's field is unset."""
    body: dict[str, Any] = {}
    for path in paths:
        *parents, name = path.split(".")
        within, holder = body, _set_parts(resource)
        for parent in parents:
            within = within.setdefault(parent, {})
            field, part = holder.get(parent, _NO_PART)
            holder = _set_parts(part) if field and is_nested(field) else {}
        # An unknown field is sent nevertheless, so that the server reports it.
        field, value = holder.get(name, _NO_PART)
        within[name] = field_encoder(field)(value) if field else None
    return body


def _set_parts(message: Any) -> dict[str, tuple[FieldDescriptor | None, Any]]:
    return {field.name: (field, value) for field, value in message.ListFields()}
