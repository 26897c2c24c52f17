"""Querysets that are compiled once (docs/decisions/0008).

Most of the time of an ORM `.get()` is spent on building and compiling the same query again. `Prepared` lets the ORM
compile a queryset once and then only binds parameters; it returns the same model instances. The setting
`COMPILED_QUERIES` switches this off: each call then runs the queryset itself.

This module uses methods of Django's SQL compiler that are not public: `get_compiler`, `as_sql`, `select` and
`get_converters`. Django has no public way to keep a compiled query. `_instances` fills instances as Django's fields
read them: from their `__dict__` and `_state`.
"""

import datetime
import random
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import QuerySet
from django.db.models.base import ModelState
from django.db.models.signals import post_init, pre_init

Row = TypeVar("Row", bound=models.Model)
#: Types of parameters. The ORM passes values of these types to the database unchanged.
Value = uuid.UUID | datetime.datetime | str | int

_LONG_AGO = datetime.datetime(1900, 1, 1, tzinfo=datetime.UTC)


class Prepared(Generic[Row]):
    """A queryset of whole rows whose only parameters are named values.

    Args:
        build: makes the queryset from the values that a call passes. It is called once for the rows and once for their
            count, with stand-ins of the same types, so the queryset must not depend on the values.
    """

    def __init__(self, build: Callable[..., QuerySet[Row]]) -> None:
        self._build = build
        self._rows: Callable[[Mapping[str, Value]], list[Row]] | None = None
        self._count: Callable[[Mapping[str, Value]], int] | None = None

    def first(self, **values: Value) -> Row | None:
        """Return the first row for these values, or None."""
        return next(iter(self.all(**values)), None)

    def all(self, **values: Value) -> list[Row]:
        """Return the rows for these values."""
        if not settings.COMPILED_QUERIES:
            return list(self._build(**values))
        # Two threads may both compile at first, which does no harm.
        if self._rows is None:
            self._rows = self._compile_rows(values)
        return self._rows(values)

    def count(self, **values: Value) -> int:
        """Return how many rows there are for these values."""
        if not settings.COMPILED_QUERIES:
            return self._build(**values).count()
        if self._count is None:
            self._count = self._compile_count(values)
        return self._count(values)

    def _compile_rows(self, values: Mapping[str, Value]) -> Callable[[Mapping[str, Value]], list[Row]]:
        stand_ins = _spares(values)
        queryset = self._build(**stand_ins)
        compiler = queryset.query.get_compiler(connection.alias)
        try:
            sql, params = compiler.as_sql()
        except EmptyResultSet:
            return lambda values: []
        statement = _Statement(sql, params, stand_ins)
        columns = [expression for expression, _, _ in compiler.select]
        names = [column.target.attname for column in columns]
        converters = [
            (position, convert, expression)
            for position, (functions, expression) in compiler.get_converters(columns).items()
            for convert in functions
        ]

        def rows(values: Mapping[str, Value]) -> list[Row]:
            found: list[Any] = statement.run(values)
            if converters:
                found = [list(row) for row in found]
                for row in found:
                    for position, convert, expression in converters:
                        row[position] = convert(row[position], expression, connection)
            return _instances(queryset.model, names, found)

        return rows

    def _compile_count(self, values: Mapping[str, Value]) -> Callable[[Mapping[str, Value]], int]:
        stand_ins = _spares(values)
        statements: list[_Statement] = []

        def note(execute: Callable[..., Any], sql: str, params: Sequence[Any], *others: Any) -> Any:
            statements.append(_Statement(sql, params, stand_ins))
            return execute(sql, params, *others)

        # The ORM shows the SQL of a count only when it executes it.
        with connection.execute_wrapper(note):
            self._build(**stand_ins).count()
        if not statements:
            return lambda values: 0
        return lambda values: statements[0].run(values)[0][0]


def _instances(model: type[Row], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[Row]:
    """Return instances with these columns, as `Model.from_db` makes them; others are fetched when they are read.

    The constructor, which takes five times as long, is left out, unless the model has its own or its signals have
    receivers.
    """
    alias = connection.alias
    if _has_own_constructor(model) or pre_init.has_listeners(model) or post_init.has_listeners(model):
        return [model.from_db(alias, names, row) for row in rows]
    made = []
    for row in rows:
        instance = model.__new__(model)
        instance._state = state = ModelState()
        state.db, state.adding = alias, False
        instance.__dict__.update(zip(names, row, strict=True))
        made.append(instance)
    return made


@cache
def _has_own_constructor(model: type[models.Model]) -> bool:
    own = [base for base in model.__mro__ if base not in models.Model.__mro__]
    return any({"__init__", "__new__", "from_db"} & vars(base).keys() for base in own)


class _Statement:
    """SQL of the ORM, and the places of its parameters."""

    def __init__(self, sql: str, params: Sequence[Any], stand_ins: Mapping[str, Value]) -> None:
        self._sql = sql
        # A parameter that does not stand for a value is a constant of the query.
        self._places = [(_name_of(param, stand_ins), param) for param in params]
        if {name for name, _ in self._places if name} != set(stand_ins):
            raise TypeError("A prepared queryset must use each of its values.")

    def run(self, values: Mapping[str, Value]) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(self._sql, [values[name] if name else constant for name, constant in self._places])
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows


def _spares(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return a distinct stand-in of the same type for each value."""
    stand_ins: dict[str, Value] = {}
    for name, value in values.items():
        stand_in = _stand_in(value)
        while stand_in in stand_ins.values():  # Random integers may collide.
            stand_in = _stand_in(value)
        stand_ins[name] = stand_in
    return stand_ins


def _stand_in(value: Value) -> Value:
    match value:
        case uuid.UUID():
            return uuid.uuid4()
        case datetime.datetime():
            return _LONG_AGO + datetime.timedelta(microseconds=random.getrandbits(48))
        case str():
            return uuid.uuid4().hex
        case int():
            # Fits every integer column, and is not a value of any enum.
            return 20_000 + random.getrandbits(13)


def _name_of(param: Any, stand_ins: Mapping[str, Value]) -> str | None:
    return next((name for name, value in stand_ins.items() if type(value) is type(param) and value == param), None)
