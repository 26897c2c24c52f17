"""Query strings: the names of an operation's request fields in them, and their values."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from core.protojson.decoding import DUPLICATE, ONCE, TYPE, Errors, add_unknown, field_reader, from_text, item_reader
from core.protojson.encoding import field_encoder
from core.protojson.forms import DATE, TIMESTAMP
from tandem.common.v1.common_pb2 import SORT_ORDER_ASC, SORT_ORDER_DESC, PaginationRequest, SortSpec, TimeRange

_MAX_PAIRS = 1_000
_IN_BRACKETS = re.compile(r"(\w+)\[[0-9]*\]", re.ASCII)
#: Lists of these may be one text with commas, as `bbox=0,0,100,50`.
_NUMBERS = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}
_DIRECTIONS = {"true": SORT_ORDER_DESC, "false": SORT_ORDER_ASC}


@dataclass(frozen=True, slots=True)
class QueryName:
    """One name in a query string.

    Attributes:
        field: describes its value; for a list, each of its values.
        parent: the request field that `field` is part of; empty if `field` belongs to the request itself.
        descending: its value is true or false for a sort order of DESC or ASC.
    """

    name: str
    field: FieldDescriptor
    parent: str = ""
    descending: bool = False


def query_names(fields: Iterable[FieldDescriptor]) -> dict[str, QueryName]:
    """Return the query names of these request fields, in their order.

    Raises:
        TypeError: a field has no form in a query string, or two fields have the same name.
    """
    names: dict[str, QueryName] = {}
    for field in fields:
        for query_name in _names_of(field):
            if query_name.name in names:
                raise TypeError(f"{field.full_name}: another field has the query name {query_name.name}.")
            names[query_name.name] = query_name
    return names


def parse_query(query: str, errors: Errors) -> list[tuple[str, str]]:
    """Parse a query string as WSGI passes it (its bytes as Latin-1) into pairs of name and value."""
    try:
        text = query.encode("latin-1").decode()
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_PAIRS)
    except UnicodeError:
        errors.add((), "query", "The query must be UTF-8, percent-encoded.")
    except ValueError:
        errors.add((), "query", f"The query may have at most {_MAX_PAIRS:,} values.")
    return []


def read_query(names: Mapping[str, QueryName], pairs: Iterable[tuple[str, str]], errors: Errors) -> dict[str, Any]:
    """Return the request's fields, as arguments of its constructor."""
    texts_by_name: dict[str, list[str]] = {}
    for name, text in pairs:
        texts_by_name.setdefault(_list_name(names, name), []).append(text)
    request: dict[str, Any] = {}
    for name, texts in texts_by_name.items():
        query_name = names.get(name)
        if query_name is None:
            add_unknown(errors, (name,), names)
            continue
        into = request.setdefault(query_name.parent, {}) if query_name.parent else request
        into[query_name.field.name] = _read(query_name, texts, errors)
    return request


def _list_name(names: Mapping[str, QueryName], name: str) -> str:
    """Strip the brackets from a list's name: PHP and axios write `labels[]` or `labels[0]` for `labels`."""
    match = _IN_BRACKETS.fullmatch(name)
    query_name = names.get(match[1]) if match else None
    return query_name.name if query_name and query_name.field.is_repeated else name


def write_query(names: Collection[QueryName], request: Message) -> list[tuple[str, str]]:
    """Return the pairs for the fields that are set in the request."""
    return [(query_name.name, text) for query_name in names for text in _write(query_name, request)]


def _names_of(field: FieldDescriptor) -> Iterator[QueryName]:
    if not field.message_type or field.message_type.full_name in (TIMESTAMP, DATE):
        yield QueryName(field.name, field)
        return
    if field.is_repeated:
        raise TypeError(f"{field.full_name} has no form in a query string.")
    parts = field.message_type.fields_by_name
    match field.message_type.full_name:
        case PaginationRequest.DESCRIPTOR.full_name:
            yield from (QueryName(part.name, part, field.name) for part in field.message_type.fields)
        case SortSpec.DESCRIPTOR.full_name:
            yield QueryName("order_by", parts["field"], field.name)
            yield QueryName("descending", parts["order"], field.name, descending=True)
        case TimeRange.DESCRIPTOR.full_name:
            yield QueryName(f"{field.name}_from", parts["start_time"], field.name)
            yield QueryName(f"{field.name}_to", parts["end_time"], field.name)
        case _:
            raise TypeError(f"{field.full_name} has no form in a query string.")


def _read(query_name: QueryName, texts: list[str], errors: Errors) -> Any:
    name, field = query_name.name, query_name.field
    if field.is_repeated:
        if field.cpp_type in _NUMBERS:
            texts = [part for text in texts for part in text.split(",")]
        return field_reader(field)([from_text(field, text) for text in texts], (name,), errors)
    if len(texts) > 1:
        errors.add((name,), DUPLICATE, ONCE)
    if not query_name.descending:
        return item_reader(field)(from_text(field, texts[0]), (name,), errors)
    if texts[0] not in _DIRECTIONS:
        errors.add((name,), TYPE, "Expected true or false.")
    return _DIRECTIONS.get(texts[0])


def _write(query_name: QueryName, request: Message) -> list[str]:
    field = query_name.field
    holder = getattr(request, query_name.parent) if query_name.parent else request
    value = getattr(holder, field.name)
    if field.is_repeated:
        return [_text(item) for item in field_encoder(field)(value)]
    if not (holder.HasField(field.name) if field.has_presence else value):
        return []
    if query_name.descending and value in _DIRECTIONS.values():
        return ["true" if value == SORT_ORDER_DESC else "false"]
    return [_text(field_encoder(field)(value))]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
