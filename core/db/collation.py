"""Sort order of names: case and accents matter only where names are otherwise equal.

The database's function `core_sort_key` (migration core.0007) makes the sort key. It follows the order of Unicode's root
collation and is the same on every server: the embedded PostgreSQL has no ICU, and an order that depends on the server's
locale changes with its libraries and breaks indexes.
"""

from django.db.models import Func, GeneratedField, TextField


def sort_key_of(column: str) -> GeneratedField:
    """Return a generated column to sort by in place of this text column."""
    return GeneratedField(
        expression=Func(column, function="core_sort_key"), output_field=TextField(db_collation="C"), db_persist=True
    )
