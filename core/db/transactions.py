"""The transaction of a single write."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import connection, transaction

#: How many transactions and savepoints are open directly inside the `single_write`.
_depth_of_single_write = ContextVar("depth_of_single_write", default=0)


@contextmanager
def single_write() -> Iterator[None]:
    """Open a `transaction.atomic` in which no code catches an error and continues, so that it fails as a whole.

    An `inner_block` directly inside it then needs no savepoint, which would be two more statements, a quarter of those
    of a simple write.
    """
    with transaction.atomic():
        before = _depth_of_single_write.set(depth())
        try:
            yield
        finally:
            _depth_of_single_write.reset(before)


@contextmanager
def inner_block() -> Iterator[bool]:
    """Open a `transaction.atomic`, as a savepoint where the surrounding transaction may continue after its failure.

    Yields:
        Whether it is such a savepoint; not directly inside a `single_write`, or outside of transactions.
    """
    is_savepoint = not transaction.get_autocommit() and depth() != _depth_of_single_write.get()
    with transaction.atomic(savepoint=is_savepoint):
        yield is_savepoint


def depth() -> int:
    """Return how many nested transactions and savepoints are open.

    Django has no public way to find out; `tests/core/test_limits_in_transactions.py` checks this one.
    """
    return len(connection.atomic_blocks)
