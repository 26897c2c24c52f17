"""Pages of a list by keyset: the ten-thousandth costs what the first does.

A page is asked for by the last row of the page before (its sort value and id), never by an offset. The token that
carries this position is signed, good for a day, and bound to operation, filter, order and caller.
"""

import datetime
import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core import signing
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, QuerySet

from core.errors import invalid

#: Rows are counted up to here; what lies beyond is only counted when asked for.
COUNTED_UP_TO = 10_000
NOT_COUNTED = -1
TOKEN_GOOD_FOR = datetime.timedelta(hours=24)

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Order:
    """A list's order: by `field`, rows without a value last, then by id in the same direction."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page a caller wants, and what the token must have been made for.

    Attributes:
        size: 0 = the list's default.
        exact_count: count the rows however many there are.
        bound_to: operation, caller, filter: whatever the token is good for, as JSON values.
    """

    size: int
    token: str
    exact_count: bool
    bound_to: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, the token of the next page (empty = no more) and how many match (-1 = not counted)."""

    rows: list[Row]
    next_token: str
    total_count: int


def page(
    rows: QuerySet[Row], asked: Asked, order: Order, *, default_size: int = 20, first: Row | None = None
) -> Page[Row]:
    """One page of these rows: one query for the rows (two where rows without a sort value begin), one for the count.

    Args:
        rows: what matches, unordered.
        first: a row to put before all others, on the first page.

    Raises:
        ValidationError: on `page_size` or `page_token`.
    """
    size = page_size(asked.size, default_size)
    salt = _salt(asked, order)
    position = _position(asked.token, salt) if asked.token else None
    total = count(rows, exact=asked.exact_count)
    if first is not None:
        rows = rows.exclude(pk=first.pk)
    head = [first] if first is not None and not asked.token else []
    found = head + _after(rows, order, position, size + 1 - len(head))
    more = len(found) > size
    del found[size:]
    # `first` stands outside the order: after it the list begins.
    last = found[-1] if found and found[-1] is not first else None
    return Page(found, _token(last, order, salt) if more else "", total)


def page_size(asked: int, default: int, most: int = 100) -> int:
    """The size that is meant by the size that is asked for: 0 = the default, at most `most`."""
    if asked < 0:
        raise invalid("page_size", "range", "page_size may not be negative.")
    return min(asked or default, most)


def count(rows: QuerySet[Any], *, exact: bool) -> int:
    """How many rows there are; -1 when they are more than `COUNTED_UP_TO` and not counted exactly."""
    rows = rows.order_by()
    if exact:
        return rows.count()
    counted = rows[: COUNTED_UP_TO + 1].count()
    return counted if counted <= COUNTED_UP_TO else NOT_COUNTED


def _after(rows: QuerySet[Row], order: Order, position: tuple[Any, uuid.UUID] | None, wanted: int) -> list[Row]:
    name, sign, beyond = order.field, "-" if order.descending else "", "lt" if order.descending else "gt"
    nullable = rows.model._meta.get_field(name).null
    found: list[Row] = []
    value, last_id = position or (None, None)
    if position is None or value is not None:
        ordered = rows.order_by(f"{sign}{name}", f"{sign}id")
        if nullable:
            ordered = ordered.filter(**{f"{name}__isnull": False})
        if value is not None:
            # The leading bound is what the index is entered by; the OR alone would scan (measured: 60 ms, not 0.9).
            ordered = ordered.filter(
                Q(**{f"{name}__{beyond}e": value})
                & (Q(**{f"{name}__{beyond}": value}) | Q(**{f"id__{beyond}": last_id}))
            )
        found = list(ordered[:wanted])
    if nullable and len(found) < wanted:
        without = rows.filter(**{f"{name}__isnull": True}).order_by(f"{sign}id")
        if position is not None and value is None:
            without = without.filter(**{f"id__{beyond}": last_id})
        found += without[: wanted - len(found)]
    return found


def _salt(asked: Asked, order: Order) -> str:
    bound_to = json.dumps([asked.bound_to, order.field, order.descending], sort_keys=True, default=str)
    return "page:" + hashlib.sha256(bound_to.encode()).hexdigest()


def _token(last: models.Model | None, order: Order, salt: str) -> str:
    if last is None:
        return signing.dumps([], salt=salt)
    value = getattr(last, order.field)
    kind = "t" if isinstance(value, datetime.datetime) else "v"
    return signing.dumps([kind, value.isoformat() if kind == "t" else value, str(last.pk)], salt=salt)


def _position(token: str, salt: str) -> tuple[Any, uuid.UUID] | None:
    """The sort value and id of the last row that was given; None = the list begins."""
    try:
        position = signing.loads(token, salt=salt, max_age=TOKEN_GOOD_FOR)
        if not position:
            return None
        kind, value, last_id = position
        return (datetime.datetime.fromisoformat(value) if kind == "t" else value), uuid.UUID(last_id)
    except (signing.BadSignature, ValueError, TypeError) as exc:
        raise _invalid_token() from exc


def _invalid_token() -> ValidationError:
    return invalid("page_token", "invalid", "Invalid page token")
