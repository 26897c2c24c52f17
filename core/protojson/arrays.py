"""Large JSON arrays, parsed item by item, so that only one item at a time is in memory as values."""

import json
import re
import sys
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import Any

from core.protojson.decoding import JSON, Errors, add_not_json, has_too_many_values, parse
from core.protojson.value_limits import MAX_VALUES

#: Larger sets of items are sent as NDJSON, which has no limit.
MAX_ITEMS = 100_000
_SPACE = re.compile(r"[ \t\n\r]*")
_SEPARATOR = re.compile(r"[ \t\n\r]*(,|\])[ \t\n\r]*")
#: Matches up to and including the next bracket outside strings.
_TO_BRACKET = re.compile(r'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+"?)*+[\[\]{}]?', re.DOTALL)
_SCALAR = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[^,\] \t\n\r]*', re.DOTALL)
_PIECE_BYTES = 64 * 1024


def parse_array(body: bytes, errors: Errors, max_bytes: int) -> Iterator[Any]:
    """Yield the values of the JSON array in a body. The whole array is checked before the first value is yielded.

    Args:
        max_bytes: the largest size of one item.
    """
    if not _is_utf8(body):
        errors.add((), JSON, "The body must be JSON in UTF-8.")
        return iter(())
    # In Latin-1 one byte is one character: offsets in the text are offsets in the body, and the text is no larger.
    text = body.decode("latin-1")
    del body
    try:
        spans = _spans(text, errors, max_bytes)
    except RecursionError as exc:
        add_not_json(errors, text, exc)
        return iter(())
    except json.JSONDecodeError as exc:
        before = text[: exc.pos].encode("latin-1").decode()
        add_not_json(errors, before, json.JSONDecodeError("", before, len(before)))
        return iter(())
    return (parse(text[start:end].encode("latin-1").decode()) for start, end in spans)


def _spans(text: str, errors: Errors, max_bytes: int) -> list[tuple[int, int]]:
    """Return the start and end offset of each item.

    Raises:
        JSONDecodeError: the text is not valid JSON.
    """
    spans: list[tuple[int, int]] = []
    place = _after(_SPACE, text, 0)
    if text[place : place + 1] != "[":
        # A syntax error is reported with its position, as for any other body; so is a value that is not an array.
        json.JSONDecoder(object_pairs_hook=len).raw_decode(text[: place + max_bytes], place)
        errors.add((), JSON, "The body must be a JSON array.")
        return []
    place = _after(_SPACE, text, place + 1)
    closed = text[place : place + 1] == "]"
    place += closed
    while not closed:
        if len(spans) == MAX_ITEMS:
            errors.add((), JSON, f"An array may have {MAX_ITEMS:,} items; send more as application/x-ndjson.")
            return []
        end = _end_of_item(text, place, place + max_bytes + 1)
        if end is None or end - place > max_bytes or has_too_many_values(text[place:end]):
            errors.add((), JSON, f"Item {len(spans)} of the array is larger than a message may be.")
            return []
        _check(text, place, end)
        spans.append((place, end))
        separator = _SEPARATOR.match(text, end)
        if separator is None:
            raise json.JSONDecodeError("", text, end)
        closed, place = separator[1] == "]", separator.end()
    place = _after(_SPACE, text, place)
    if place != len(text):
        raise json.JSONDecodeError("", text, place)
    return spans


def _check(text: str, place: int, end: int) -> None:
    try:
        parse(text[place:end])
    except json.JSONDecodeError as exc:
        raise json.JSONDecodeError(exc.msg, text, place + exc.pos) from exc


def _end_of_item(text: str, place: int, until: int) -> int | None:
    """Return the end of the item that begins at `place`, at most `until`; None if it has too many brackets."""
    if text[place : place + 1] not in ("{", "["):
        return _after(_SCALAR, text, place, until)
    depth = 0
    for _ in range(2 * MAX_VALUES):
        place = _after(_TO_BRACKET, text, place, until)
        bracket = text[place - 1]
        depth += 1 if bracket in "{[" else -1 if bracket in "]}" else 0
        if depth <= 0 or place >= min(until, len(text)):
            return place
    return None


def _after(pattern: re.Pattern[str], text: str, place: int, until: int = sys.maxsize) -> int:
    match = pattern.match(text, place, until)
    return match.end() if match else place


def _is_utf8(body: bytes) -> bool:
    decoder = getincrementaldecoder("utf-8")()
    try:
        for first in range(0, len(body), _PIECE_BYTES):
            decoder.decode(body[first : first + _PIECE_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
