"""Conditional requests and ranges of a file (RFC 9110, 13 and 14)."""

import re
from typing import NamedTuple

from django.http import HttpRequest

from core.errors import RangeNotSatisfiable, Stale
from core.preconditions import ANY, entity_tags

_SPECIFIER = re.compile(r"bytes[ \t]*=[ \t]*(.*)", re.IGNORECASE | re.DOTALL)
#: Longer numbers name no byte of any file.
_RANGE = re.compile(r"(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")


class Part(NamedTuple):
    """A part of a file: its first byte, and the byte after its last one."""

    start: int
    end: int


def check_if_match(request: HttpRequest, etag: str) -> None:
    """Check `If-Match`, which compares strongly: a weak tag matches nothing.

    Raises:
        Stale: none of the named tags is that of the file.
    """
    header = request.META.get("HTTP_IF_MATCH")
    if header is None or header.strip() == ANY or etag in _strong_tags(header):
        return
    raise Stale(None, "The file is another one than If-Match names.")


def requested_part(request: HttpRequest, etag: str, size: int) -> Part | None:
    """Return the part that `Range` names; None = the whole file.

    A range counts for GET only. Several ranges, other units than bytes, and an invalid or outdated header (`If-Range`)
    are ignored, which RFC 9110 permits: the answer is then the whole file.

    Raises:
        RangeNotSatisfiable: the range begins after the end of the file.
    """
    header = request.META.get("HTTP_RANGE")
    if header is None or request.method != "GET" or not _is_current(request, etag):
        return None
    specifier = _SPECIFIER.fullmatch(header.strip())
    ranges = [text.strip(" \t") for text in specifier[1].split(",")] if specifier else []
    named = [text for text in ranges if text]  # A list may have empty elements (RFC 9110, 5.6.1).
    found = _RANGE.fullmatch(named[0]) if len(named) == 1 else None
    return _part(found, size) if found else None


def _part(found: re.Match[str], size: int) -> Part | None:
    first, last, length = found.groups()
    if length is not None:
        part = Part(max(0, size - int(length)), size)
    elif last and int(last) < int(first):
        return None
    else:
        part = Part(int(first), min(size, int(last) + 1) if last else size)
    if part.start >= size:
        raise RangeNotSatisfiable(size)
    return part


def _is_current(request: HttpRequest, etag: str) -> bool:
    """Return whether `If-Range` permits a range: it is absent, or the strong tag of the file. A date matches nothing,
    as files have no `Last-Modified`.
    """
    header = request.META.get("HTTP_IF_RANGE")
    return header is None or header.strip() == etag


def _strong_tags(header: str) -> set[str]:
    return set(re.findall(r'(?<!W/)"[^"]*"', header)) if entity_tags(header) else set()
