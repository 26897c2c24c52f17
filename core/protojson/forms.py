"""Kinds of fields, and the JSON texts of timestamps and dates."""

import datetime
import re
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp

from tandem.common.v1.common_pb2 import Date

TIMESTAMP = Timestamp.DESCRIPTOR.full_name
DATE = Date.DESCRIPTOR.full_name
#: Messages of these packages are values: they are written as a whole, and a mask cannot name their fields.
_VALUE_PACKAGES = {"common.v1", "google.protobuf"}

#: Type of an integer field → its smallest and largest number.
INTEGER_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_FIRST_DAY = datetime.date(1970, 1, 1)
_SECOND = datetime.timedelta(seconds=1)
#: The range of a Timestamp: the years 1 to 9999.
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
_MOMENT = re.compile(
    r"(?P<seconds>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?"
    r"(?P<offset>Z|[+-][0-9]{2}:[0-9]{2})"
)
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
# Without these tables, and the cache of days, a list of 50 users over REST takes 4.6 % more CPU (bench/README.md).
_MINUTES = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(60)]
_SECONDS = [f":{second:02}" for second in range(60)]


def is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def is_nested(field: FieldDescriptor) -> bool:
    """Return whether a mask may name parts of this field: it holds one message, which is not a value type."""
    message_type = field.message_type
    return message_type is not None and not field.is_repeated and message_type.file.package not in _VALUE_PACKAGES


def map_value(field: FieldDescriptor) -> FieldDescriptor:
    """Return the field that describes a map's values.

    Raises:
        TypeError: the map's keys are not texts; JSON has no other keys.
    """
    entry: Any = field.message_type
    if entry.fields_by_name["key"].type != FieldDescriptor.TYPE_STRING:
        raise TypeError(f"{field.full_name} has no JSON form: the keys of a map must be texts.")
    value: FieldDescriptor = entry.fields_by_name["value"]
    return value


def moment_text(moment: Timestamp) -> str:
    """Format a timestamp as ISO 8601 in UTC, with as few of 0, 3, 6 or 9 fractional digits as it needs."""
    day, second = divmod(moment.seconds, 86_400)
    minute, second = divmod(second, 60)
    return f"{_day_since_epoch(day)}T{_MINUTES[minute]}{_SECONDS[second]}{_fraction(moment.nanos)}Z"


def read_moment(text: str) -> Timestamp | None:
    """Parse an ISO 8601 text with an offset; None if it is not valid or not in the years 1 to 9999."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    try:
        since_epoch = datetime.datetime.fromisoformat(match["seconds"] + match["offset"]) - _EPOCH
    except ValueError:
        return None
    seconds = since_epoch // _SECOND
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        return None
    return Timestamp(seconds=seconds, nanos=int((match["fraction"] or "").ljust(9, "0")))


def day_text(day: Date) -> str:
    return f"{day.year:04}-{day.month:02}-{day.day:02}"


def read_day(text: str) -> Date | None:
    """Parse `YYYY-MM-DD`; None if it has another form. The operation checks that the day exists, as for gRPC."""
    match = _DAY.fullmatch(text)
    return Date(year=int(match[1]), month=int(match[2]), day=int(match[3])) if match else None


@lru_cache(maxsize=4096)
def _day_since_epoch(day: int) -> str:
    return (_FIRST_DAY + datetime.timedelta(days=day)).isoformat()


def _fraction(nanos: int) -> str:
    if not nanos:
        return ""
    if nanos % 1000:
        return f".{nanos:09}"
    micros = nanos // 1000
    return f".{micros:06}" if micros % 1000 else f".{micros // 1000:03}"
