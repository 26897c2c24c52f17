"""Parsing of dates in the notations of people and programs.

A day without a time means its last second, in one time zone for the whole file.
"""

import datetime
import re
import zoneinfo
from typing import NamedTuple

from django.core.exceptions import ValidationError

from users.fields import validate_timezone

_END_OF_DAY = datetime.time(23, 59, 59)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)")
_DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_SLASHES = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_DAY_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\.? ([a-z]{3})[a-z]*\.?,? (\d{4})", re.IGNORECASE)
_MONTH_DAY = re.compile(r"([a-z]{3})[a-z]*\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})", re.IGNORECASE)
_TIME = re.compile(
    r"(?:[T ,]+(?:at )?)(\d{1,2}):?(\d\d)?(?::(\d\d)(?:\.(\d{1,9}))?)?\s*([ap]m)?\s*(Z|UTC|[+-]\d\d:?(?:\d\d)?)?",
    re.IGNORECASE,
)


class ParsedTime(NamedTuple):
    """A point in time. `day` is set if the text had no time; `at` is then the end of the day."""

    at: datetime.datetime
    day: datetime.date | None = None


class Ambiguous(ValueError):
    """Day and month cannot be distinguished."""


def read(text: str, zone: datetime.tzinfo) -> ParsedTime:
    """Return the point in time that a text denotes.

    Args:
        zone: time zone of days, and of times without an offset.

    Raises:
        Ambiguous: as in 02/03/2026.
        ValueError: the text is not a date.
    """
    text = text.strip()
    day, rest = _day(text)
    if not rest.strip():
        return ParsedTime(datetime.datetime.combine(day, _END_OF_DAY, zone), day)
    found = _TIME.fullmatch(rest)
    if found is None or not (found[2] or found[5]):
        raise ValueError(text)
    hour, minute, second = (int(part or 0) for part in found.group(1, 2, 3))
    if found[5]:
        if not 1 <= hour <= 12:
            raise ValueError(text)
        hour = hour % 12 + (12 if found[5].lower() == "pm" else 0)
    microsecond = int((found[4] or "0").ljust(6, "0")[:6])
    time = datetime.time(hour, minute, second, microsecond, _offset(found[6]) or zone)
    return ParsedTime(datetime.datetime.combine(day, time))


def time_zone(name: str) -> datetime.tzinfo | None:
    """Return the time zone of this IANA name; None if there is none, or if its meaning depends on the machine."""
    try:
        validate_timezone(name)
        return zoneinfo.ZoneInfo(name)
    except (ValidationError, ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return None


def _offset(text: str | None) -> datetime.tzinfo | None:
    if not text:
        return None
    if text.upper() in ("Z", "UTC"):
        return datetime.UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return datetime.timezone(-offset if text[0] == "-" else offset)


def _day(text: str) -> tuple[datetime.date, str]:
    """Return the day at the beginning of the text, and the rest."""
    for pattern in (_YEAR_FIRST, _COMPACT):
        if found := pattern.match(text):
            return datetime.date(int(found[1]), int(found[2]), int(found[3])), text[found.end() :]
    if found := _DAY_FIRST.match(text):
        return datetime.date(int(found[3]), int(found[2]), int(found[1])), text[found.end() :]
    if found := _SLASHES.match(text):
        first, second, year = int(found[1]), int(found[2]), int(found[3])
        if first <= 12 and second <= 12 and first != second:
            raise Ambiguous(text)
        day, month = (first, second) if first > 12 else (second, first)
        return datetime.date(year, month, day), text[found.end() :]
    if found := _DAY_MONTH.match(text):
        return datetime.date(int(found[3]), _month(found[2]), int(found[1])), text[found.end() :]
    if found := _MONTH_DAY.match(text):
        return datetime.date(int(found[3]), _month(found[1]), int(found[2])), text[found.end() :]
    raise ValueError(text)


def _month(name: str) -> int:
    return _MONTHS.index(name.lower()) + 1
