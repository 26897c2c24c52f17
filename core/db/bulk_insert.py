"""Inserts and updates of rows in one statement, as one JSON text that the database converts."""

import json
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection, models

Row = TypeVar("Row", bound=models.Model)


def insert_many(model: type[Row], rows: Sequence[Row], *, skip_taken: bool = False) -> set[Any]:
    """Insert new rows that were checked (`clean`), in one statement.

    Does what `bulk_create` does at a fraction of its cost in Python, which prepares each value of each row
    (bench/README.md). Nothing is read back; the database itself fills generated columns and those with a database
    default. The setting `JSON_BULK_INSERTS` switches to `bulk_create`.

    Args:
        skip_taken: skip the rows whose primary key is taken, instead of failing.

    Returns:
        The primary keys of the skipped rows.

    Raises:
        IntegrityError: a constraint is violated; no row was inserted.
    """
    if not settings.JSON_BULK_INSERTS:
        return _by_bulk_create(model, rows, skip_taken)
    statement, columns = _insertion(model, skip_taken)
    values = [{column: own[name] for column, name in columns} for own in map(vars, rows)]
    with connection.cursor() as cursor:
        # Many rows have the same author; converting a UUID to text costs more than a look-up.
        cursor.execute(statement, [json.dumps(values, default=cache(_as_text) if len(values) > 1 else _as_text)])
        if cursor.rowcount == len(rows):
            return set()
        return {row.pk for row in rows} - {key for (key,) in cursor.fetchall()}


def update_many(model: type[models.Model], rows: Sequence[models.Model], names: Collection[str]) -> None:
    """Write these fields of rows that are locked and were checked, in one statement, as `insert_many` inserts them.

    Args:
        names: attributes of the rows, such as `title` and `assigned_to_id`.
    """
    columns = {str(field.column): field.attname for field in model._meta.concrete_fields if field.attname in names}
    if not settings.JSON_BULK_INSERTS:
        model._base_manager.bulk_update(rows, [model._meta.get_field(name).name for name in names])
        return
    table, key = map(connection.ops.quote_name, (model._meta.db_table, str(model._meta.pk.column)))
    every = {str(model._meta.pk.column): "pk", **columns}
    values = [{column: getattr(row, name) for column, name in every.items()} for row in rows]
    assigned = ", ".join(f"{name} = new.{name}" for name in map(connection.ops.quote_name, columns))
    rows_of = f"json_populate_recordset(NULL::{table}, %s)"
    statement = f"UPDATE {table} AS old SET {assigned} FROM {rows_of} AS new WHERE old.{key} = new.{key}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [json.dumps(values, default=_as_text)])


def insert(instance: models.Model) -> None:
    """Insert a new row that was checked (`clean`), as `instance.save(force_insert=True)` does, but for the signals.

    Generated columns are not read back. If the database assigns other values of the model, `save` inserts the row.
    """
    if settings.JSON_BULK_INSERTS and not _has_assigned_values(type(instance)):
        insert_many(type(instance), [instance])
        instance._state.adding, instance._state.db = False, connection.alias
    else:
        instance.save(force_insert=True)


@cache
def _has_assigned_values(model: type[models.Model]) -> bool:
    return any(field.has_db_default() or isinstance(field, models.AutoField) for field in model._meta.concrete_fields)


def _by_bulk_create(model: type[Row], rows: Sequence[Row], skip_taken: bool) -> set[Any]:
    manager = model._default_manager
    keys = [row.pk for row in rows] if skip_taken else []
    taken = set(manager.filter(pk__in=keys).values_list("pk", flat=True))
    manager.bulk_create([row for row in rows if row.pk not in taken])
    return taken


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
