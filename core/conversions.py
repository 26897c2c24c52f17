"""Conversions between the contracts and the domain that the apps' `messages` share: times, pages, orders."""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from core.db.pagination import Order, Page, PageRequest
from core.errors import invalid
from core.operations import Call
from core.protojson.enums import names, unknown_choice
from tandem.common.v1 import common_pb2

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def set_timestamp(message: Timestamp, at: datetime.datetime) -> None:
    """Set an aware time, to the microsecond. (`FromDatetime` does the same at several times the cost.)"""
    since = at - _EPOCH
    message.seconds = since.days * 86_400 + since.seconds
    message.nanos = since.microseconds * 1_000


def read_timestamp(message: Any, name: str, shown_as: str | None = None) -> datetime.datetime | None:
    """Return the time in the message's field; None if it is unset.

    Raises:
        ValidationError: on the field (as `shown_as`): the time is not between the years 1 and 9999.
    """
    if not message.HasField(name):
        return None
    timestamp: Timestamp = getattr(message, name)
    try:
        if not 0 <= timestamp.nanos < 1_000_000_000:
            raise ValueError
        return _EPOCH + datetime.timedelta(seconds=timestamp.seconds, microseconds=timestamp.nanos // 1_000)
    except (ValueError, OverflowError) as exc:
        raise invalid(shown_as or name, "range", "Enter a time between the years 1 and 9999.") from exc


def read_range(message: Any, name: str) -> tuple[datetime.datetime | None, datetime.datetime | None]:
    """Return a TimeRange field's start and end; errors name its fields `<name>_from` and `<name>_to`.

    Raises:
        ValidationError: a time is out of range, or the end lies before the start.
    """
    time_range = getattr(message, name)
    start = read_timestamp(time_range, "start_time", f"{name}_from")
    end = read_timestamp(time_range, "end_time", f"{name}_to")
    if start and end and end < start:
        raise invalid(f"{name}_to", "range", "The end lies before the start.")
    return start, end


def checked_numbers(enum: EnumDescriptor, numbers: Sequence[int], name: str) -> list[int]:
    """Return the numbers of an enum field, all of them known.

    Raises:
        ValidationError: on each number (`<name>.<index>`) that the enum does not have, or that is UNSPECIFIED.
    """
    errors = {
        f"{name}.{index}": ValidationError(unknown_choice(enum), code="choice")
        for index, number in enumerate(numbers)
        if number not in names(enum)
    }
    if errors:
        raise ValidationError(errors)
    return list(numbers)


def read_fields(
    message: Message, names: Iterable[str], readers: Mapping[str, Callable[[Any, str], Any]]
) -> dict[str, Any]:
    """Read these fields of the message, each by its reader, or unchanged if it has no reader.

    Raises:
        ValidationError: every field that cannot be read is named.
    """
    fields: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for name in names:
        try:
            fields[name] = readers[name](message, name) if name in readers else getattr(message, name)
        except ValidationError as exc:
            exc.update_error_dict(errors)
    if errors:
        raise ValidationError(errors)
    return fields


def page_request(
    call: Call, pagination: common_pb2.PaginationRequest, message: Callable[[Any], Message] | None = None
) -> PageRequest:
    """Return the page request of the call.

    Args:
        message: makes a row's message, see `PageRequest`.
    """
    bound_to = {"operation": call.operation.name}
    return PageRequest(pagination.page_size, pagination.page_token, call.exact_count, bound_to, message)


def requested_order(sort: common_pb2.SortSpec) -> Order | None:
    """Return the order that the call requests; None = the list's default.

    Raises:
        ValidationError: on `order_by`: the order is unknown, or has no field.
    """
    if sort.order not in common_pb2.SortOrder.values():
        raise invalid("order_by", "choice", "Sort ascending or descending.")
    if not sort.field:
        if sort.order:
            raise invalid("order_by", "required", "Enter a field to sort by.")
        return None
    return Order(sort.field, descending=sort.order == common_pb2.SORT_ORDER_DESC)


def pagination(page: Page[Any]) -> common_pb2.PaginationResponse:
    """Return the page's token, count and end of list as a message."""
    return common_pb2.PaginationResponse(
        next_page_token=page.next_token, total_count=page.total_count, has_more=bool(page.next_token)
    )
