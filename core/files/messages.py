"""Files of messages, for commands that import and export rows: JSON Lines and CSV.

A line of JSON has the form of the message over HTTP. A CSV file has a column for each field, named by its path; an
empty cell means unset, the items of a list are separated by `;`, a map is a JSON object. Files are UTF-8, with or
without a byte order mark, and lines may end with CR LF. They are read and written row by row, at any length.

A CSV file may have passed through a spreadsheet program: columns may be separated by `;` or tabs, the heading may have
any case, TRUE is true, and empty columns at the right and rows without any text are ignored.
"""

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, TextIO

from django.core.exceptions import ValidationError
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from core import protojson
from core.errors import Problem
from core.observability.call_log import without_secrets
from core.operations import Operation
from core.protojson.decoding import from_text
from core.protojson.forms import DATE, TIMESTAMP, is_map

#: In bytes; far more than any row within the limits of the contracts.
MAX_LINE_LENGTH = 1 << 18
MASK = "***"
_BETWEEN = ";"
_DELIMITERS = ",;\t"
#: The form of an unknown column name that may be shown.
_NAME = re.compile(r"[A-Za-z][A-Za-z _.-]{0,39}")

#: Name of a CSV column → the path of its field in the message, and that field.
Columns = Mapping[str, tuple[tuple[str, ...], FieldDescriptor]]


class BadFile(Exception):
    """The file, or the rest of it, cannot be read; the message is a sentence."""


class Lines(Protocol):
    """A file that is read line by line."""

    def readline(self, size: int = -1, /) -> bytes:
        """Read the next line, at most `size` bytes of it; empty at the end."""


class Item(NamedTuple):
    """A row of a file.

    Attributes:
        line: the number of its first line, from 1.
        message: the row as a message, or why it is not valid.
        sent: the row as it is in the file: a line of JSON, or its cells as JSON values.
    """

    line: int
    message: Message | ValidationError
    sent: bytes | dict[str, Any]


def read_jsonl(operation: Operation, file: Lines) -> Iterator[Item]:
    """Yield the rows of a file of JSON Lines, each as a request message of the operation; skip empty lines.

    A line may also be the report of a failed row (see `report`): then the row in it is read.
    """
    for number, line in numbered_lines(file):
        if len(line) > MAX_LINE_LENGTH:
            yield Item(number, ValidationError(f"A line has at most {MAX_LINE_LENGTH} bytes.", code="max_length"), b"")
        elif line.strip():
            line = reported_row(line)
            yield Item(number, protojson.read_item(operation, line), line)


def read_csv(operation: Operation, columns: Columns, file: Lines) -> Iterator[Item]:
    """Return the rows of a CSV file, each as a request message of the operation. Read the heading at once.

    Raises:
        BadFile: a column of the heading is unknown or duplicate; or, from the iterator, the file is not valid CSV. The
            message shows the first row only if it has a known column: otherwise it may be a row of data.
    """
    lines = _texts(file)
    first = next(lines, "")
    known = {name.casefold(): name for name in columns}

    def cells(delimiter: str) -> list[str]:
        # These are compared with names of columns only, so quotation marks and errors of the line do not matter yet.
        return [cell.strip(' "\r\n').casefold() for cell in first.split(delimiter)]

    delimiter = max(_DELIMITERS, key=lambda one: len(known.keys() & set(cells(one))))
    reader = csv.reader(_chained(first, lines), delimiter=delimiter, strict=True)
    _, row = _next_row(reader) or (0, [])
    heading = [name.strip() for name in row]
    while heading and not heading[-1]:
        heading.pop()
    names = [known.get(name.casefold(), name) for name in heading]
    unknown = [name for name in names if name not in columns]
    if unknown or not names:
        raise BadFile(
            f"{_unknown_heading(names, unknown)}. Columns are: {', '.join(columns)}."
            " Use --map NAME=FIELD for columns with other names."
        )
    if duplicates := [name for name in columns if names.count(name) > 1]:
        raise BadFile(f"Duplicate column {duplicates[0]!r}.")
    return _csv_items(operation, [columns[name] for name in names], reader)


def _unknown_heading(names: list[str], unknown: list[str]) -> str:
    if not names:
        return "The file has no heading"
    if len(unknown) == len(names):
        return "The first row is not a heading: it has no name of a column"
    return (
        f"There is no column {', '.join(map(repr, unknown))}"
        if _all_are_names(unknown)
        else "The heading has unknown names"
    )


def _all_are_names(cells: list[str]) -> bool:
    """Return whether these cells may be shown as names of columns; cells that may be data may not."""
    return all(_NAME.fullmatch(cell) for cell in cells)


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest


def columns_of(
    message_type: Descriptor, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], FieldDescriptor]]:
    """Yield every field that can be a column: its path, and the field."""
    for field in message_type.fields:
        nested = field.message_type
        if nested and not is_map(field) and not field.is_repeated and nested.full_name not in (TIMESTAMP, DATE):
            yield from columns_of(nested, (*path, field.name))
        else:
            yield (*path, field.name), field


def jsonl_writer(file: TextIO) -> Callable[[Message], None]:
    """Return a function that writes a message as a line of JSON: its set fields."""

    def write(message: Message) -> None:
        text = json.dumps(protojson.set_fields(message), ensure_ascii=False, separators=(",", ":"))
        file.write(protojson.in_one_line(text) + "\n")

    return write


def csv_writer(columns: Columns, file: TextIO) -> Callable[[Message], None]:
    """Write the heading, and return a function that writes a message as a row."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)

    def write(message: Message) -> None:
        values = protojson.set_fields(message)
        writer.writerow([_cell(values, path) for path, _ in columns.values()])

    return write


def report(line: int, problem: Problem, prefix: str, row: Any) -> str:
    """Return the line of JSON that reports a row that was not written.

    Args:
        prefix: removed from the names of fields.
        row: its JSON values; reported as null if they are nested too deeply.
    """
    content = {
        "line": line,
        "reason": problem.reason,
        "message": problem.message,
        "fields": [
            {"field": v.field.removeprefix(prefix), "code": v.code, "message": v.message} for v in problem.violations
        ],
        "row": row,
    }
    try:
        text = json.dumps(content, ensure_ascii=False, default=str)
    except RecursionError:
        text = json.dumps(content | {"row": None}, ensure_ascii=False)
    return protojson.in_one_line(text) + "\n"


def reported_row(line: bytes) -> bytes:
    """Return the row in a `report`, without its masked values; any other line unchanged."""
    if not line.startswith(b'{"line":'):
        return line
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return line
    if not (isinstance(content, dict) and content.keys() == _REPORTED and isinstance(content["row"], dict)):
        return line
    return json.dumps(_without_masks(content["row"])).encode()


_REPORTED = {"line", "reason", "message", "fields", "row"}


def _without_masks(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_masks(item) for key, item in value.items() if item != MASK}
    return value


def json_values(item: Item, message_type: Descriptor, *, masked: bool = True) -> Any:
    """Return the row as JSON values for a report, with the values of unknown fields and of secrets masked.

    Null if the row cannot be parsed.

    Args:
        masked: False = mask nothing.
    """
    try:
        value = json.loads(item.sent) if isinstance(item.sent, bytes) else item.sent
        if not masked:
            return value or None
        return without_secrets(_known(value, message_type)) if value else None
    except (ValueError, RecursionError):
        return None


def _known(value: Any, message_type: Descriptor) -> Any:
    if not isinstance(value, dict):
        return MASK
    return {key: _known_field(item, message_type.fields_by_name.get(key)) for key, item in value.items()}


def _known_field(value: Any, field: FieldDescriptor | None) -> Any:
    if field is None:
        return MASK
    nested = field.message_type
    if nested and not is_map(field) and nested.full_name not in (TIMESTAMP, DATE):
        return _known(value, nested)
    return value


def numbered_lines(file: Lines) -> Iterator[tuple[int, bytes]]:
    """Yield the lines, numbered from 1.

    A line of more than `MAX_LINE_LENGTH` bytes is cut after one byte more, so that the caller still sees that it is too
    long.
    """
    number = 0
    while line := file.readline(MAX_LINE_LENGTH + 1):
        number += 1
        yield number, line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        while len(line) > MAX_LINE_LENGTH and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_LENGTH + 1) or b"\n"


def _texts(file: Lines) -> Iterator[str]:
    for number, line in numbered_lines(file):
        if len(line) > MAX_LINE_LENGTH:
            raise BadFile(f"Line {number} has more than {MAX_LINE_LENGTH} bytes.")
        yield _decoded(number, line)


def _decoded(number: int, line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as exc:
        raise BadFile(f"Line {number} is not UTF-8; save the file as UTF-8.") from exc


def _next_row(reader: Any) -> tuple[int, list[str]] | None:
    """Return the next row with any text, and its first line; None at the end."""
    while True:
        begin = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as exc:
            raise BadFile(f"Invalid CSV at line {begin}: {exc}.") from exc
        if cells is None:
            return None
        if any(map(str.strip, cells)):
            return begin, cells


def _csv_items(
    operation: Operation, columns: list[tuple[tuple[str, ...], FieldDescriptor]], reader: Any
) -> Iterator[Item]:
    while (row := _next_row(reader)) is not None:
        begin, cells = row
        while len(cells) > len(columns) and not cells[-1].strip():
            cells.pop()
        if len(cells) != len(columns):
            message = f"The row has {len(cells)} cells, the heading {len(columns)}."
            yield Item(begin, ValidationError(message, code="cells"), {})
            continue
        value: dict[str, Any] = {}
        for (path, field), cell in zip(columns, cells, strict=True):
            if cell:
                _put(value, path, _value(field, cell))
        try:
            yield Item(begin, protojson.from_json(operation.request_class, value), value)
        except ValidationError as exc:
            yield Item(begin, exc, value)


def _put(value: dict[str, Any], path: tuple[str, ...], item: Any) -> None:
    for name in path[:-1]:
        value = value.setdefault(name, {})
    value[path[-1]] = item


def _value(field: FieldDescriptor, cell: str) -> Any:
    """Return the JSON value of a cell; its text if it is not a value of the field's type."""
    if is_map(field):
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return cell
    if field.is_repeated:
        return [from_text(field, part.strip()) for part in cell.split(_BETWEEN)]
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        # As spreadsheet programs write them.
        cell = cell.strip().lower()
    return from_text(field, cell)


def _cell(values: Any, path: tuple[str, ...]) -> str:
    for name in path:
        values = values.get(name) if values else None
    match values:
        case None:
            return ""
        case bool():
            return "true" if values else "false"
        case list():
            return _BETWEEN.join(map(str, values))
        case dict():
            return json.dumps(values, ensure_ascii=False)
    return str(values)
