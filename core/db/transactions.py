"""The transaction that holds one write and nothing else."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.transaction import Atomic


class SingleWrite(Atomic):
    """As `transaction.atomic`; and nobody in it catches what fails and goes on, so that it fails as a whole.

    What is right inside then need not be undone by itself: `right_inside_whole` says so. A savepoint is two statements
    more, a quarter of those of a simple write.
    """

    def __init__(self) -> None:
        super().__init__(using=DEFAULT_DB_ALIAS, savepoint=True, durable=False)


def right_inside_whole(connection: Any) -> bool:
    """Return whether the innermost transaction or savepoint on this connection is a `SingleWrite`."""
    blocks = connection.atomic_blocks
    return bool(blocks) and isinstance(blocks[-1], SingleWrite)
