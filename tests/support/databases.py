"""Databases beside the one of the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


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
