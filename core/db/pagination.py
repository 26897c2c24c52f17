"""Keyset pagination: the ten-thousandth page of a list costs as much as the first.

A page starts after the last row of the previous page (its sort value and id), not at an offset. The token that holds
this position is signed, valid for a day, and bound to operation, filter, order and caller.
"""

import datetime
import hashlib
import json
import uuid
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, TypeVar

from django.core import signing
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Func, QuerySet
from google.protobuf.message import Message

from core.db.compiled_queries import Prepared, Value
from core.db.grouped import InGroups, is_any_of
from core.errors import invalid

#: Rows are counted up to this limit; beyond it only on request.
COUNT_LIMIT = 10_000
NOT_COUNTED = -1
#: The maximum size of a page's encoded messages: gRPC clients accept 4 MB by default.
PAGE_BYTES = 3_500_000
TOKEN_LIFETIME = datetime.timedelta(hours=24)

#: Up to this many rows, fetching all of them costs less than a search along an order.
SMALL_RESULT = 1_000
#: How many compiled forms of lists are cached.
_FORMS_KEPT = 1_000

Row = TypeVar("Row", bound=models.Model)
Shown = TypeVar("Shown", bound=Message)
#: The rows of a list, or of a part of it.
Part = QuerySet[Row] | InGroups[Row]
Build = Callable[..., Part[Any] | tuple[Part[Any], ...]]


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list: by `field`, rows without a value last, then by id in the same direction."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class ListQuery(Generic[Row]):
    """The rows of a list, declared so that the query is compiled once and not for each call.

    Attributes:
        build: a function of a module that makes the unordered queryset from `form` and the named `values`. Several
            querysets are read separately and then joined, so that each uses its index; with the OR of both the database
            would scan the whole list. A row may be in more than one of them. Rows of many groups are `InGroups`.
        form: all that the query depends on besides `values`.
        values: bound as parameters only.
        count: a function of a module with the same arguments that makes a queryset of as many rows, if the database
            counts them at less cost than it joins those of `build`.
        scattered: the rows may lie anywhere in the order, and the database cannot estimate their number.
        few: up to this many scattered rows are all fetched before they are sorted; 0 = the default number.
        deferred: the fields that are not fetched with a row.
    """

    model: type[Row]
    build: Callable[..., Part[Row] | tuple[Part[Row], ...]]
    form: tuple[Hashable, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)
    count: Callable[..., QuerySet[Row]] | None = None
    scattered: bool = False
    few: int = 0
    deferred: tuple[str, ...] = ()

    @property
    def querysets(self) -> tuple[QuerySet[Row], ...]:
        """The querysets of `build`, not compiled."""
        return tuple(map(_whole, _each(self.build(*self.form, **self.values))))


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for a page, with the scope of its token.

    Attributes:
        size: 0 = the list's default.
        exact_count: count the rows however many there are.
        bound_to: what the token is valid for (operation, caller, filter), as JSON values.
        message: converts a row to its message in the answer, of which a page holds `PAGE_BYTES`; None = the rows are
            not part of an answer.
    """

    size: int
    token: str
    exact_count: bool
    bound_to: Mapping[str, Any]
    message: Callable[[Any], Message] | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """A page: its rows, the token of the next page (empty = last page), the number of matching rows (-1 = not counted),
    and the rows' messages if `PageRequest.message` makes them."""

    rows: list[Row]
    next_token: str
    total_count: int
    messages: Sequence[Any] = ()


def page(
    selection: ListQuery[Row], request: PageRequest, order: Order, *, default_size: int = 20, first: Row | None = None
) -> Page[Row]:
    """Read one page: one query for the rows (two where rows without a sort value begin), and one for the count.

    The page holds fewer rows than requested if their messages are large.

    Args:
        first: a row to put before all others, on the first page.

    Raises:
        ValidationError: on `page_size` or `page_token`.
    """
    size = page_size(request.size, default_size)
    salt = _salt(request, order)
    position = _position(request.token, salt) if request.token else None
    total = counted(selection, exact=request.exact_count)
    head = [first] if first is not None and not request.token else []
    if 0 <= total <= len(head):
        return Page(head, "", total, _messages(request, head))
    few = selection.few or SMALL_RESULT
    if not selection.scattered or not 0 <= total <= few:
        few = 0
    found = head + _after(selection, order, position, size + 1 - len(head), first, few)
    messages = _messages(request, found[:size])
    fitting = min(size, len(found) if request.message is None else len(messages))
    more = len(found) > fitting
    del found[fitting:]
    # `first` is outside of the order: the list begins after it.
    last = found[-1] if found and found[-1] is not first else None
    return Page(found, _token(last, order, salt) if more else "", total, messages)


def fitting(messages: Iterable[Shown], max_bytes: int = PAGE_BYTES) -> list[Shown]:
    """Return the first of these messages, as many as a page holds, and at least one."""
    found: list[Shown] = []
    left = max_bytes
    for message in messages:
        # Encoded as an item of a repeated field, it has a tag and a length of at most five bytes.
        left -= message.ByteSize() + 5
        if left < 0 and found:
            break
        found.append(message)
    return found


def _messages(request: PageRequest, rows: Sequence[Any]) -> list[Message]:
    return [] if request.message is None else fitting(map(request.message, rows))


def page_size(requested: int, default: int, limit: int = 100) -> int:
    """Return the page size for a requested size: 0 = the default, at most `limit`."""
    if requested < 0:
        raise invalid("page_size", "range", "page_size may not be negative.")
    return min(requested or default, limit)


def counted(selection: ListQuery[Any], *, exact: bool = False) -> int:
    """Return the number of rows; unless `exact`, NOT_COUNTED if there are more than `COUNT_LIMIT`."""
    limit = None if exact else COUNT_LIMIT + 1
    build = selection.count or selection.build
    found = _capped(build, selection.form, tuple(selection.values), limit).count(**selection.values)
    return NOT_COUNTED if found == limit else found


def sign_position(position: Any, bound_to: Mapping[str, Any]) -> str:
    """Return a page token for a list with a position of its own kind.

    Args:
        position: a JSON value.
        bound_to: as `PageRequest.bound_to`.
    """
    return signing.dumps(position, salt=_salt_of(bound_to))


def read_position(token: str, bound_to: Mapping[str, Any]) -> Any:
    """Return the position of a token of `sign_position`.

    Raises:
        ValidationError: on `page_token`.
    """
    try:
        return signing.loads(token, salt=_salt_of(bound_to), max_age=TOKEN_LIFETIME)
    except signing.BadSignature as exc:
        raise _invalid_token() from exc


def _after(
    selection: ListQuery[Row],
    order: Order,
    position: tuple[Any, uuid.UUID] | None,
    wanted: int,
    first: Row | None,
    few: int,
) -> list[Row]:
    """Read the rows that have a sort value, then those without one."""
    last_value, last_id = position or (None, None)
    found: list[Row] = []
    if position is None or last_value is not None:
        part = _KeyRange(selection.model, order, True, few, wanted, selection.deferred)
        found = _rows(selection, part, first=first, last_value=last_value, last_id=last_id)
        last_id = None
    if len(found) < wanted and selection.model._meta.get_field(order.field).null:
        part = _KeyRange(selection.model, order, False, few, wanted - len(found), selection.deferred)
        found += _rows(selection, part, first=first, last_id=last_id)
    return found


@dataclass(frozen=True, slots=True)
class _KeyRange:
    """The rows of a list that have a sort value, or those that have none.

    Attributes:
        few: the upper bound of matching rows, which are then all fetched before they are sorted; 0 = there are more.
        limit: how many rows of the range to read.
    """

    model: type[Any]
    order: Order
    valued: bool
    few: int
    limit: int
    deferred: tuple[str, ...]

    def of(self, parts: Sequence[Part[Row]], **position: Any) -> QuerySet[Row]:
        if self.few:
            # If the database expects many matching rows, it scans along the order until it has enough; if there are
            # hardly any, it reads every row of the table (measured: 950 ms, not 60). It runs a subquery with a limit
            # separately. Rows may have been added since they were counted, so the limit is twice as many.
            found = _ids([_whole(part)[: 2 * self.few].values("pk") for part in parts])
            return self._along(self.model._default_manager.filter(is_any_of("pk", found)), **position)
        if len(parts) == 1 and not isinstance(parts[0], InGroups):
            return self._along(parts[0], **position)
        found = _ids([self._first_ids(part, **position) for part in parts])
        return self._along(self.model._default_manager.filter(is_any_of("pk", found)))

    def _first_ids(self, part: Part[Row], **position: Any) -> QuerySet[Any]:
        if not isinstance(part, InGroups):
            return self._along(part, **position).values("pk")
        by = (self.order.field, "id") if self.valued else ("id",)
        return part.first(lambda rows: self._ordered(rows, **position), by, self.order.descending, self.limit)

    def _along(self, rows: QuerySet[Row], **position: Any) -> QuerySet[Row]:
        return self._ordered(rows, **position)[: self.limit]

    def _ordered(
        self, rows: QuerySet[Row], first_id: Any = None, last_value: Any = None, last_id: Any = None
    ) -> QuerySet[Row]:
        name, sign, beyond = self.order.field, *(("-", "lt") if self.order.descending else ("", "gt"))
        if first_id is not None:
            rows = rows.exclude(pk=first_id)
        if rows.model._meta.get_field(name).null:
            rows = rows.filter(**{f"{name}__isnull": not self.valued})
        if last_value is not None:
            # As a comparison of rows, which an index can begin at. With an OR, all rows of the same value would be read
            # up to the id (measured with 250,000 tasks of one priority: 60 ms, not 1).
            here = Func(F(name), F("id"), function="ROW", output_field=_ROW)
            last = Func(
                _value(rows.model, name, last_value),
                _value(rows.model, "id", last_id),
                function="ROW",
                output_field=_ROW,
            )
            sign_of = {"lt": " < ", "gt": " > "}[beyond]
            rows = rows.filter(
                Func(here, last, template="%(expressions)s", arg_joiner=sign_of, output_field=models.BooleanField())
            )
        elif last_id is not None:
            rows = rows.filter(**{f"id__{beyond}": last_id})
        # Also among the rows without a value, of which the database does not know that they are all alike: so it reads
        # an index of the value and the id in its order (measured with 800,000 such tasks: 10 ms, not 1,900).
        # The token of the next page needs the sort value.
        deferred = [column for column in self.deferred if column != name]
        return rows.defer(*deferred).order_by(f"{sign}{name}", f"{sign}id")


def _rows(selection: ListQuery[Row], part: _KeyRange, *, first: Row | None, **position: Any) -> list[Row]:
    beside = {"first_id": first and first.pk, **position}
    values = {**selection.values, **{name: value for name, value in beside.items() if value is not None}}
    return _prepared(selection.build, selection.form, tuple(values), part).all(**values)


#: Django has no type of a row, and never reads this one.
_ROW = models.TextField()


def _value(model: type[models.Model], name: str, value: Any) -> models.Value:
    return models.Value(value, output_field=model._meta.get_field(name))  # type: ignore[arg-type]


# The names of the values are part of the keys of these caches: a query without one of the values is another query.


@lru_cache(maxsize=_FORMS_KEPT)
def _prepared(build: Build, form: tuple[Hashable, ...], names: tuple[str, ...], part: _KeyRange) -> Prepared[Any]:
    beside = {"first_id", "last_value", "last_id"}

    def rows(**values: Any) -> QuerySet[Any]:
        matching = build(*form, **{name: value for name, value in values.items() if name not in beside})
        return part.of(_each(matching), **{name: value for name, value in values.items() if name in beside})

    return Prepared(rows)


@lru_cache(maxsize=_FORMS_KEPT)
def _capped(build: Build, form: tuple[Hashable, ...], names: tuple[str, ...], limit: int | None) -> Prepared[Any]:
    def rows(**values: Any) -> QuerySet[Any]:
        querysets = [_whole(part)[:limit] for part in _each(build(*form, **values))]
        return querysets[0] if len(querysets) == 1 else _ids([rows.values("pk") for rows in querysets])[:limit]

    return Prepared(rows)


def _each(built: Part[Any] | tuple[Part[Any], ...]) -> tuple[Part[Any], ...]:
    return built if isinstance(built, tuple) else (built,)


def _whole(part: Part[Row]) -> QuerySet[Row]:
    return part.all() if isinstance(part, InGroups) else part


def _ids(querysets: Sequence[QuerySet[Any]]) -> QuerySet[Any]:
    """Return the ids in these querysets of one column, each once."""
    first, *others = querysets
    return first.union(*others) if others else first


def _salt(request: PageRequest, order: Order) -> str:
    return _salt_of([request.bound_to, order.field, order.descending])


def _salt_of(bound_to: Any) -> str:
    text = json.dumps(bound_to, sort_keys=True, default=str)
    return "page:" + hashlib.sha256(text.encode()).hexdigest()


def _token(last: models.Model | None, order: Order, salt: str) -> str:
    if last is None:
        return signing.dumps([], salt=salt)
    value = getattr(last, order.field)
    kind = "t" if isinstance(value, datetime.datetime) else "v"
    return signing.dumps([kind, value.isoformat() if kind == "t" else value, str(last.pk)], salt=salt)


def _position(token: str, salt: str) -> tuple[Any, uuid.UUID] | None:
    """Return the sort value and id of the last row of the previous page; None = the start of the list."""
    try:
        position = signing.loads(token, salt=salt, max_age=TOKEN_LIFETIME)
        if not position:
            return None
        kind, value, last_id = position
        return (datetime.datetime.fromisoformat(value) if kind == "t" else value), uuid.UUID(last_id)
    except (signing.BadSignature, ValueError, TypeError) as exc:
        raise _invalid_token() from exc


def _invalid_token() -> ValidationError:
    return invalid("page_token", "invalid", "Invalid page token")
