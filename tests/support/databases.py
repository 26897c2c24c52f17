"""Databases beside the one of the tests, and the state of that one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from tests.support.credentials import forget_credentials


@contextmanager
def server_cursor() -> Iterator[Any]:
    """Yield a cursor in the server's database `postgres`, to create, drop or close other databases."""
    server = connection.copy()
    server.settings_dict = {**server.settings_dict, "NAME": "postgres"}
    try:
        with server.cursor() as cursor:
            yield cursor
    finally:
        server.close()


@contextmanager
def undone() -> Iterator[None]:
    """Undo afterwards what is written within, and forget the credentials that were verified."""
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        forget_credentials()
