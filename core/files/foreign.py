"""Files of other systems: CSV as spreadsheets write it, and JSON documents, read record by record.

A file is read once, from start to end, so it may be standard input; its beginning can be inspected first. A message
about a file names lines, columns and numbers, never its content: exports hold personal data.
"""

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

import ijson
from django.core.exceptions import ValidationError

from core.files.messages import MAX_LINE_LENGTH, BadFile, numbered_lines
from core.texts import printable

#: In bytes: enough for the heading of a CSV file, or the first records of a document.
HEAD_BYTES = 1 << 16
#: How many notes are shown, and how much of a name.
MAX_NOTES, MAX_SHOWN_CHARACTERS = 30, 120
_DELIMITERS = ",;\t|"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
#: The line before the heading by which a spreadsheet program declares the delimiter.
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*", re.IGNORECASE)


class Source(Protocol):
    """A source of bytes."""

    def read(self, size: int, /) -> bytes:
        """Read up to `size` bytes, as many as are available; empty at the end."""


class Notes(Counter[str]):
    """Counts of values of a file that were skipped or converted, by a human-readable name."""

    def summary(self) -> str:
        """Return the notes in a line, the most frequent first; names may be from the file, so make them printable."""
        shown = ", ".join(f"{_shown(name)} ({count})" for name, count in self.most_common(MAX_NOTES))
        return f"{shown}, and {len(self) - MAX_NOTES} others" if len(self) > MAX_NOTES else shown


class Input(io.RawIOBase):
    """A file of another system, without a byte order mark of UTF-8.

    Attributes:
        head: its first bytes, at most `HEAD_BYTES`.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        head = b""
        # The writer of a pipe may not send the rest until the first rows are read.
        while b"\n" not in head and len(head) < HEAD_BYTES and (part := source.read(HEAD_BYTES - len(head))):
            head += part
        head = head.removeprefix(codecs.BOM_UTF8)
        #: Some programs end lines with CR alone.
        self._line_end = b"\r" if b"\r" in head and b"\n" not in head and head[:2] not in _UTF16 else b""
        self.head = self._with_usual_ends(head)
        self._pending = self.head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._pending or self._with_usual_ends(self._source.read(len(buffer)))
        taken, self._pending = part[: len(buffer)], part[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def _with_usual_ends(self, part: bytes) -> bytes:
        return part.replace(self._line_end, b"\n") if self._line_end else part

    @property
    def begins_as_json(self) -> bool:
        """Return whether the first character begins a JSON object or array."""
        return self.head.lstrip()[:1] in (b"{", b"[")


class Record(NamedTuple):
    """One record of a file.

    Attributes:
        place: its first line in a CSV file or a file of JSON Lines, else its number; from 1.
        values: by name; texts in a CSV file.
        problem: why the record is invalid and has no values; the other records can still be read.
    """

    place: int
    values: dict[str, Any]
    problem: ValidationError | None = None


def table(file: Input, notes: Notes, *, any_encoding: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV file, the heading first, each with its first line; skip rows without any text.

    The delimiter is detected in the first line. UTF-16 is detected by its byte order mark.

    Args:
        any_encoding: read lines that are not UTF-8 as Windows-1252, and count them in the notes.

    Raises:
        BadFile: from the iterator: the file is not valid CSV.
    """
    lines = _text_lines(file, notes if any_encoding else None)
    first = next(lines, "")
    if found := _SEPARATOR_LINE.fullmatch(first):
        delimiter, before = found[1], 1
    else:
        delimiter, before = _delimiter(first), 0
        lines = _chained(first, lines)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        begin = reader.line_num + 1 + before
        try:
            cells = next(reader, None)
        except csv.Error as exc:
            raise BadFile(f"Invalid CSV at line {begin}: {exc}.") from exc
        if cells is None:
            return
        if any(map(str.strip, cells)):
            yield begin, cells


def records_of_table(rows: Iterator[tuple[int, list[str]]]) -> Iterator[Record]:
    """Return the rows below the heading as records by its names; a short row lacks the last columns.

    Raises:
        BadFile: the heading is missing, or has a duplicate name.
    """
    _, names = next(rows, (0, []))
    heading = [name.strip() for name in names]
    while heading and not heading[-1]:
        heading.pop()
    if not heading:
        raise BadFile("The file has no heading.")
    folded = [name.casefold() for name in heading if name]
    if twice := next((number for number, name in enumerate(folded, 1) if folded.index(name) < number - 1), 0):
        raise BadFile(f"Column {twice} has the name of an earlier one.")
    return _by_name(heading, rows)


def _by_name(heading: list[str], rows: Iterator[tuple[int, list[str]]]) -> Iterator[Record]:
    for line, cells in rows:
        if any(map(str.strip, cells[len(heading) :])):
            message = f"The row has {len(cells)} cells, the heading {len(heading)}."
            yield Record(line, {}, ValidationError(message, code="cells"))
            continue
        yield Record(line, {name: cell for name, cell in zip(heading, cells, strict=False) if name})


def records_of_json(file: Input, *inside: str) -> Iterator[Record]:
    """Return the objects of a JSON document, one at a time: of an array, of the arrays in the top object under the
    names in `inside`, or of JSON Lines.

    Raises:
        BadFile: the file is UTF-16; or, from the iterator, it is not such JSON.
    """
    if file.head[:2] in _UTF16:
        raise BadFile("The file is UTF-16; save it as UTF-8.")
    begin = file.head.lstrip()
    if begin.startswith(b"["):
        return _streamed(file, ["item"])
    first, _, _ = begin.partition(b"\n")
    try:
        line = json.loads(first)
    except (ValueError, RecursionError):
        line = None
    if isinstance(line, dict) and not any(isinstance(line.get(name), list) for name in inside):
        return _json_lines(file)
    if not inside:
        return _streamed(file, [""])
    return _streamed(file, [f"{name}.item" for name in inside])


def _json_lines(file: Input) -> Iterator[Record]:
    buffered = io.BufferedReader(file, HEAD_BYTES)
    for number, line in numbered_lines(buffered):
        if len(line) > MAX_LINE_LENGTH:
            message = f"A line has at most {MAX_LINE_LENGTH} bytes."
            yield Record(number, {}, ValidationError(message, code="max_length"))
        elif line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                yield Record(number, {}, ValidationError("The line is not valid JSON.", code="json"))
            else:
                yield _record(number, value)


def _streamed(file: Input, prefixes: list[str]) -> Iterator[Record]:
    number = 0
    try:
        for value in _items(file, prefixes):
            number += 1
            if number == 1 and not isinstance(value, dict):
                raise BadFile("Record 1 of the file is not a JSON object.")
            yield _record(number, value)
    except (ijson.JSONError, ValueError, RecursionError) as exc:
        raise BadFile(f"Invalid JSON after record {number}.") from exc


def _items(file: Input, prefixes: list[str]) -> Iterator[Any]:
    """Yield the items as `ijson.items` does, but at several places in one document.

    Numbers are those of `json.loads`: ijson's floats do not support whole numbers beyond 64 bits.
    """
    parsed = ijson.parse(file)
    events = ((prefix, event, float(v) if isinstance(v, Decimal) else v) for prefix, event, v in parsed)
    for prefix, event, value in events:
        if prefix not in prefixes:
            continue
        if event not in ("start_map", "start_array"):
            yield value
            continue
        builder, depth = ijson.ObjectBuilder(), 0
        builder.event(event, value)
        depth = 1
        for _, inner, part in events:
            builder.event(inner, part)
            depth += (inner in ("start_map", "start_array")) - (inner in ("end_map", "end_array"))
            if not depth:
                break
        yield builder.value


def _record(number: int, value: Any) -> Record:
    if not isinstance(value, dict):
        return Record(number, {}, ValidationError("The record is not a JSON object.", code="type"))
    return Record(number, value)


def _delimiter(line: str) -> str:
    """Return the delimiter that occurs most often outside quotation marks."""
    outside = re.sub(r'"[^"]*"', "", line)
    return max(_DELIMITERS, key=outside.count)


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest


def _text_lines(file: Input, notes: Notes | None) -> Iterator[str]:
    if file.head[:2] in _UTF16:
        yield from _utf16_lines(file)
        return
    buffered = io.BufferedReader(file, HEAD_BYTES)
    number = 0
    while line := buffered.readline(MAX_LINE_LENGTH + 1):
        number += 1
        if len(line) > MAX_LINE_LENGTH:
            raise BadFile(f"Line {number} has more than {MAX_LINE_LENGTH} bytes.")
        try:
            yield line.decode()
        except UnicodeDecodeError as exc:
            if notes is None:
                raise BadFile(f"Line {number} is not UTF-8; save the file as UTF-8.") from exc
            notes["lines that are not UTF-8, read as Windows-1252"] += 1
            yield line.decode("cp1252", errors="replace")


def _utf16_lines(file: Input) -> Iterator[str]:
    text = io.TextIOWrapper(io.BufferedReader(file, HEAD_BYTES), encoding="utf-16", newline="")
    number = 0
    try:
        while line := text.readline(MAX_LINE_LENGTH + 1):
            number += 1
            if len(line) > MAX_LINE_LENGTH:
                raise BadFile(f"Line {number} has more than {MAX_LINE_LENGTH} characters.")
            yield line
    except UnicodeDecodeError as exc:
        raise BadFile(f"Line {number + 1} is not UTF-16, although the byte order mark declares it.") from exc


def _shown(name: str) -> str:
    shown = printable(name[:MAX_SHOWN_CHARACTERS], "\ufffd")
    return f"{shown}…" if len(name) > MAX_SHOWN_CHARACTERS else shown


def lookup(values: Any, path: str) -> Any:
    """Return the value at a dotted path in JSON values, taking the first item of each list; None if it is missing."""
    if isinstance(values, dict) and path in values:
        return values[path]
    for name in path.split("."):
        if isinstance(values, list):
            values = values[0] if values else None
        values = values.get(name) if isinstance(values, dict) else None
    return values


def key(name: str) -> str:
    """Normalize the name of a column or key for comparison: without case, blanks, signs, and remarks in brackets."""
    return re.sub(r"\[[^\]]*\]|[^a-z0-9]", "", name.lower())


def parsed_map(pairs: Iterable[str], option: str = "--map") -> dict[str, str]:
    """Parse the `NAME=FIELD` pairs of a command line's option by their last `=`, as names of columns may hold others.

    Raises:
        BadFile: a value is not such a pair.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, field = pair.rpartition("=")
        if not (name.strip() and equals and field.strip()):
            raise BadFile(f"Write {option} as NAME=FIELD.")
        found[name.strip()] = field.strip()
    return found
