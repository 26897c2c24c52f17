"""Strict decoding of JSON values into messages. All errors of a request are reported together."""

import base64
import json
import math
import re
import struct
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from core.errors import MoreFaults
from core.protojson import enums
from core.protojson.forms import DATE, INTEGER_RANGES, TIMESTAMP, is_map, map_value, read_day, read_moment
from core.protojson.unknown_fields import no_such_field
from core.protojson.value_limits import MAX_VALUES, TOO_MANY

AnyMessage = TypeVar("AnyMessage", bound=Message)

#: Error codes, in addition to `choice` (`core.protojson.enums`).
UNKNOWN, TYPE, FORMAT, RANGE, DUPLICATE, ONE_OF, JSON = (
    "unknown",
    "type",
    "format",
    "range",
    "duplicate",
    "one_of",
    "json",
)
ONCE = "It may be given only once."

_MAX_ERRORS = 50
_MAX_KEY_LENGTH = 100
#: A number with more digits fits no field and would be slow to parse.
_MAX_DIGITS = 400
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


#: The path of a field as a tuple, because a key may hold any character. Empty = the whole body.
Path = tuple[str, ...]


class Errors:
    """The errors of a request by field path: the first `_MAX_ERRORS`, and the number of the others."""

    def __init__(self) -> None:
        self._found: dict[Path, ValidationError] = {}
        self._more = 0

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def is_full(self) -> bool:
        """Return whether further errors are only counted."""
        return len(self._found) >= _MAX_ERRORS

    def add(self, path: Path, code: str, sentence: str) -> None:
        if not self.is_full:
            self._found.setdefault(path, ValidationError(sentence, code=code))
        elif path not in self._found:
            self._more += 1

    def raise_any(self) -> None:
        """Raise all errors as one ValidationError, if there are any."""
        if self._found:
            raise MoreFaults(self._found, self._more) if self._more else ValidationError(self._found)  # type: ignore[arg-type]


#: Takes a JSON value and its path, and returns the field's value. If the value does not fit, the reader adds an error,
#: and its result must not be used.
Reader = Callable[[Any, Path, Errors], Any]


def from_json(message_class: type[AnyMessage], value: Any) -> AnyMessage:
    """Return the message that a JSON value represents.

    Raises:
        ValidationError: the value does not fit the message.
    """
    errors = Errors()
    message: AnyMessage = message_reader(message_class.DESCRIPTOR)(value, (), errors)
    errors.raise_any()
    return message


def parse_object(body: bytes, errors: Errors) -> dict[str, Any]:
    """Return the JSON object in a body. If the body is not a valid object, add an error and return an empty one."""
    value = _parsed(body, errors)
    if isinstance(value, dict):
        return value
    if not errors:
        errors.add((), JSON, "The body must be a JSON object.")
    return {}


def _parsed(body: bytes, errors: Errors) -> Any:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        errors.add((), JSON, "The body must be JSON in UTF-8.")
        return None
    if has_too_many_values(text):
        errors.add((), JSON, TOO_MANY)
        return None
    try:
        return parse(text)
    except (json.JSONDecodeError, RecursionError) as exc:
        add_not_json(errors, text, exc)
    return None


def parse(text: str) -> Any:
    """Return the value of a JSON text, with its duplicate keys marked.

    Raises:
        JSONDecodeError, RecursionError: the text is not valid JSON, or is nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_object, parse_int=_integer)


def add_not_json(errors: Errors, text: str, exc: json.JSONDecodeError | RecursionError, place: int = 0) -> None:
    """Add the error that a body is not valid JSON.

    Args:
        text: the whole body.
        place: the offset of the parsed part in the body.
    """
    if isinstance(exc, RecursionError):
        errors.add((), JSON, "The body is nested too deeply.")
        return
    place += exc.pos
    line, column = text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)
    errors.add((), JSON, f"The body is not valid JSON (line {line}, column {column}).")


def has_too_many_values(text: str) -> bool:
    """Return whether a JSON text has more values than a message may have. The text is not parsed for it."""
    # Separators within strings are excluded only if the text may have too many values.
    return _separators(text) >= MAX_VALUES and _separators(_STRING.sub('""', text)) >= MAX_VALUES


def _separators(text: str) -> int:
    return text.count(",") + text.count("[") + text.count("{")


def from_text(field: FieldDescriptor, text: str) -> Any:
    """Return the JSON value of a text from a path or query; the text itself if it does not fit the field's type."""
    if field.cpp_type in INTEGER_RANGES:
        return _integer(text) if _INTEGER.fullmatch(text) else text
    if field.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return float(text) if _NUMBER.fullmatch(text) else text
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return {"true": True, "false": False}.get(text, text)
    return text


def add_unknown(errors: Errors, path: Path, known: Iterable[str]) -> None:
    # A comparison with all names takes time, so the error that is only counted is not compared.
    names = () if errors.is_full else known
    errors.add(path, UNKNOWN, no_such_field(path, names))


@cache
def message_reader(message_type: Descriptor, without: frozenset[str] = frozenset()) -> Reader:
    """Return the reader of messages of this type. The fields in `without` are not accepted as keys.

    Raises:
        TypeError: a field has no JSON form.
    """
    if message_type.full_name == TIMESTAMP:
        return _text_reader(read_moment, 'Expected a time with its offset, as in "2026-01-31T09:30:00Z".')
    if message_type.full_name == DATE:
        return _text_reader(read_day, 'Expected a date, as in "2026-01-31".')
    message_class = GetMessageClass(message_type)
    readers = {field.name: field_reader(field) for field in message_type.fields if field.name not in without}
    one_ofs = [[field.name for field in one_of.fields] for one_of in message_type.oneofs if len(one_of.fields) > 1]

    def read_message(value: Any, path: Path, errors: Errors) -> Message:
        known: dict[str, Any] = {}
        for key, item in _entries(value, path, errors):
            reader = readers.get(key)
            if reader is None:
                add_unknown(errors, _within(path, key), readers)
            elif item is not None:
                known[key] = reader(item, (*path, key), errors)
        for names in one_ofs:
            given = [name for name in names if name in known]
            if len(given) > 1:
                errors.add(_within(path, given[1]), ONE_OF, f"Only one of these may be given: {', '.join(names)}.")
        return message_class() if errors else message_class(**known)

    return read_message


@cache
def field_reader(field: FieldDescriptor) -> Reader:
    """Return the reader of this field's value (a list or map as a whole).

    Raises:
        TypeError: the field has no JSON form.
    """
    if is_map(field):
        return _map_reader(item_reader(map_value(field)))
    return _list_reader(item_reader(field)) if field.is_repeated else item_reader(field)


@cache
def item_reader(field: FieldDescriptor) -> Reader:
    """Return the reader of this field's value, or of one item if the field is a list."""
    if field.message_type:
        return message_reader(field.message_type)
    if field.enum_type:
        return _choice_reader(field)
    if field.cpp_type in INTEGER_RANGES:
        return _integer_reader(*INTEGER_RANGES[field.cpp_type])
    if field.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return _float_reader("<d" if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE else "<f")
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return _read_bool
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _read_base64
    return _read_text


def _map_reader(read: Reader) -> Reader:
    def read_map(value: Any, path: Path, errors: Errors) -> dict[str, Any]:
        entries = {}
        for key, item in _entries(value, path, errors):
            where = _within(path, key)
            entries[_read_text(key, where, errors)] = read(item, where, errors)
        return entries

    return read_map


def _list_reader(read: Reader) -> Reader:
    def read_list(value: Any, path: Path, errors: Errors) -> list[Any]:
        if type(value) is not list:
            errors.add(path, TYPE, "Expected a list.")
            return []
        return [read(item, (*path, str(index)), errors) for index, item in enumerate(value)]

    return read_list


def _text_reader(read: Callable[[str], Message | None], expected: str) -> Reader:
    def read_value(value: Any, path: Path, errors: Errors) -> Message | None:
        if type(value) is not str:
            errors.add(path, TYPE, expected)
            return None
        message = read(value)
        if message is None:
            errors.add(path, FORMAT, expected)
        return message

    return read_value


def _choice_reader(field: FieldDescriptor) -> Reader:
    numbers, sentence = enums.numbers(field.enum_type), enums.unknown_choice(field.enum_type)

    def read_choice(value: Any, path: Path, errors: Errors) -> int:
        if type(value) is not str:
            errors.add(path, TYPE, sentence)
        elif value not in numbers:
            errors.add(path, "choice", sentence)
        else:
            return numbers[value]
        return 0

    return read_choice


def _integer_reader(smallest: int, largest: int) -> Reader:
    def read_integer(value: Any, path: Path, errors: Errors) -> int:
        if type(value) is not int:
            errors.add(path, TYPE, "Expected a whole number.")
        elif not smallest <= value <= largest:
            errors.add(path, RANGE, f"Expected a whole number from {smallest} to {largest}.")
        else:
            return value
        return 0

    return read_integer


def _float_reader(width: str) -> Reader:
    pack = struct.Struct(width).pack

    def read_float(value: Any, path: Path, errors: Errors) -> float:
        if type(value) not in (int, float) or value != value:  # Only NaN differs from itself.
            errors.add(path, TYPE, "Expected a number.")
            return 0
        try:
            number = float(value)
            pack(number)
        except OverflowError:
            number = math.inf
        if math.isinf(number):
            errors.add(path, RANGE, "The number is too large.")
        return number

    return read_float


def _read_bool(value: Any, path: Path, errors: Errors) -> bool:
    if type(value) is not bool:
        errors.add(path, TYPE, "Expected true or false.")
    return value is True


def _read_text(value: Any, path: Path, errors: Errors) -> str:
    if type(value) is not str:
        errors.add(path, TYPE, "Expected a text.")
        return ""
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            errors.add(path, FORMAT, "The text contains an unpaired surrogate.")
            return ""
    return value


def _read_base64(value: Any, path: Path, errors: Errors) -> bytes:
    try:
        return base64.b64decode(value if type(value) is str else b"-", validate=True)
    except ValueError:
        errors.add(path, FORMAT, "Expected bytes in Base64.")
        return b""


def _entries(value: Any, path: Path, errors: Errors) -> Collection[tuple[str, Any]]:
    if not isinstance(value, dict):
        errors.add(path, TYPE, "Expected an object.")
        return ()
    if isinstance(value, _WithDuplicates):
        for key in value.duplicates:
            errors.add(_within(path, key), DUPLICATE, ONCE)
    return value.items()


class _WithDuplicates(dict[str, Any]):
    """A JSON object with duplicate keys, kept so that the error can name each of them with its path."""

    duplicates: list[str]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    marked = _WithDuplicates(value)
    marked.duplicates = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]
    return marked


def _integer(text: str) -> int:
    # A truncated number keeps its sign and is still out of every range.
    return int(text[:_MAX_DIGITS])


def _within(path: Path, key: str) -> Path:
    """Return the path of a key, which may be any text; a very long one is cut."""
    return *path, key[:_MAX_KEY_LENGTH].encode(errors="replace").decode()
