"""The transaction of a single write."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.transaction import Atomic


class SingleWrite(Atomic):
    """A `transaction.atomic` in which no code catches an error and continues, so that it fails as a whole.

    A block directly inside it (`is_in_single_write`) then needs no savepoint, which would be two more statements, a
    quarter of those of a simple write.
    """

    def __init__(self) -> None:
        super().__init__(using=DEFAULT_DB_ALIAS, savepoint=True, durable=False)


def is_in_single_write(connection: Any) -> bool:
    """Return whether the innermost block on this connection is a `SingleWrite`."""
    blocks = connection.atomic_blocks
    return bool(blocks) and isinstance(blocks[-1], SingleWrite)
