"""Searches that end early, whether no row has a word or all have it.

Where it knows the frequencies of less than 100 words (`word_frequencies.py`), PostgreSQL takes the beginning of any
word to be in 2 % of the rows. So it reads a whole table for a few rows with a word that is in no row, and to count rows
with a word that is in all it reads all that the index holds of the word. These functions first try the rows that a list
begins with. They distinguish a common word from a rare one, which the index finds.
"""

from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.expressions import RawSQL

#: How many rows from the beginning of a list are tried.
SAMPLE = 1_000
#: A word that one in so many rows of the sample has is common.
COMMON_ONE_IN = 4
#: A common word is counted in so many times the limit of rows; beyond them the index counts.
WINDOW = 5


def some(rows: QuerySet[Any], limit: int) -> QuerySet[Any]:
    """Return up to `limit` of the rows, in no order; from the beginning of their order if there are as many."""
    try:
        first, first_values = _of_first(rows, SAMPLE, 2 * limit)
        every, values = _ids(rows)
    except EmptyResultSet:
        return rows.none()
    # The index of words may find those of the first rows again, so it is asked for twice as many.
    ids = f"WITH every AS MATERIALIZED ({every}) ({first}) UNION ALL (SELECT * FROM every) LIMIT {2 * limit}"  # noqa: S608 - compiled by Django
    return rows.order_by().filter(pk__in=RawSQL(ids, (*values, *first_values)))[:limit]  # noqa: S611


def count_up_to(rows: QuerySet[Any], limit: int) -> int:
    """Return the number of rows, at most `limit`. They are in the order of an index."""
    if _count_of_first(rows, SAMPLE, SAMPLE) * COMMON_ONE_IN >= SAMPLE:
        found = _count_of_first(rows, WINDOW * limit, limit)
        if found == limit:
            return found
    return rows.order_by()[:limit].count()


def _count_of_first(rows: QuerySet[Any], size: int, limit: int) -> int:
    try:
        ids, values = _of_first(rows, size, limit)
    except EmptyResultSet:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM ({ids}) AS found", values)  # noqa: S608 - compiled by Django
        return int(cursor.fetchone()[0])


def _of_first(rows: QuerySet[Any], size: int, limit: int) -> tuple[str, tuple[Any, ...]]:
    """Return a statement for the ids of up to `limit` rows which are among the first `size` of the table.

    It is the statement for all rows, in which the name of the table stands for its first rows.
    """
    model: type[Model] = rows.model
    first, first_values = model._base_manager.order_by(*rows.query.order_by)[:size].query.sql_with_params()
    ids, values = _ids(rows[:limit])
    name = connection.ops.quote_name(model._meta.db_table)
    return f"WITH {name} AS NOT MATERIALIZED ({first}) {ids}", (*first_values, *values)


def _ids(rows: QuerySet[Any]) -> tuple[str, tuple[Any, ...]]:
    unordered = rows.all()
    unordered.query.clear_ordering(force=True)
    return unordered.values("pk").query.sql_with_params()
