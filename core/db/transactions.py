"""The transaction of a single write."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import transaction

_in_single_write = ContextVar("in_single_write", default=False)


@contextmanager
def single_write() -> Iterator[None]:
    """Open a `transaction.atomic` in which no code catches an error and continues, so that it fails as a whole.

    An `inner_block` directly inside it then needs no savepoint, which would be two more statements, a quarter of those
    of a simple write.
    """
    with transaction.atomic(), _marked(True):
        yield


@contextmanager
def inner_block() -> Iterator[bool]:
    """Open a `transaction.atomic`, as a savepoint where the surrounding transaction may continue after its failure.

    Yields:
        Whether it is such a savepoint; not directly inside a `single_write`, or outside of transactions.
    """
    is_savepoint = not transaction.get_autocommit() and not _in_single_write.get()
    with transaction.atomic(savepoint=is_savepoint), _marked(False):
        yield is_savepoint


@contextmanager
def _marked(single: bool) -> Iterator[None]:
    before = _in_single_write.set(single)
    try:
        yield
    finally:
        _in_single_write.reset(before)
