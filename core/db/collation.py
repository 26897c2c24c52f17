"""The order of names, as people sort them: without regard to case and accents first.

The key is made by the database's function `core_sort_key` (migration core.0007), which follows the order of Unicode's
root collation and is the same on every server: the embedded PostgreSQL has no ICU, and an order that the server's
locale decides changes with its libraries and breaks indexes.
"""

from django.db.models import Func, GeneratedField, TextField


def sort_key_of(column: str) -> GeneratedField:
    """A column to sort by in place of this text column."""
    return GeneratedField(
        expression=Func(column, function="core_sort_key"), output_field=TextField(db_collation="C"), db_persist=True
    )
