"""Inserts of many rows in one statement, at a fraction of the cost of `bulk_create`."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models.base import ModelState

from core.db.versioned import Versioned

Row = TypeVar("Row", bound=Versioned)


def draft(model: type[Row], **values: Any) -> Row:
    """Make a row that is not saved yet: as `model(**values)`, at a third of its cost.

    Args:
        values: by column; the others have their defaults.
    """
    instance = model.__new__(model)
    constants, factories = _defaults(model)
    instance.__dict__.update(constants, _state=ModelState(), **values)
    for name, make in factories:
        if name not in values:
            instance.__dict__[name] = make()
    return instance


@cache
def _defaults(model: type[models.Model]) -> tuple[dict[str, Any], list[tuple[str, Callable[[], Any]]]]:
    """Return the constant defaults by attribute, and the functions that make the others."""
    fields: list[Any] = [field for field in model._meta.concrete_fields if not field.generated]
    factories = [(field.attname, field.default) for field in fields if callable(field.default) and field.has_default()]
    each = {name for name, _ in factories}
    return {field.attname: field.get_default() for field in fields if field.attname not in each}, factories


def insert_many(model: type[models.Model], rows: Sequence[Mapping[str, Any]], *, skip_taken: bool = False) -> set[Any]:
    """Insert rows that were checked (`clean`), in one statement; each by its attributes, as `vars` returns them.

    Does what `bulk_create` does, at a tenth of its cost in Python, which prepares each value of each row: the rows are
    sent to the database as one JSON text, which it converts. Nothing is read back; the database itself fills generated
    columns and those with a database default.

    Args:
        skip_taken: skip the rows whose primary key is taken, instead of failing.

    Returns:
        The primary keys of the skipped rows.
    """
    statement, columns = _insertion(model, skip_taken)
    values = [{column: row[name] for column, name in columns} for row in rows]
    with connection.cursor() as cursor:
        # Many rows have the same author; converting a UUID to text costs more than a look-up.
        cursor.execute(statement, [json.dumps(values, default=cache(_as_text) if len(values) > 1 else _as_text)])
        if cursor.rowcount == len(rows):
            return set()
        key = model._meta.pk.attname
        return {row[key] for row in rows} - {key for (key,) in cursor.fetchall()}


@cache
def _insertion(model: type[models.Model], skip_taken: bool) -> tuple[str, list[tuple[str, str]]]:
    """Return the statement, and the name and attribute of each column."""
    fields: list[Any] = [
        field
        for field in model._meta.concrete_fields
        if not field.generated and not field.has_db_default() and not isinstance(field, models.AutoField)
    ]
    table = connection.ops.quote_name(model._meta.db_table)
    names = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    statement = f"INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, %s)"  # noqa: S608 - our own names
    if skip_taken:
        key = connection.ops.quote_name(str(model._meta.pk.column))
        statement += f" ON CONFLICT ({key}) DO NOTHING RETURNING {key}"
    return statement, [(field.column, field.attname) for field in fields]


def _as_text(value: Any) -> str:
    """Convert a value that JSON does not know to PostgreSQL's text form."""
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
