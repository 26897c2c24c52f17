"""`flush` for tests that commit: it empties tables of few rows, and leaves content types and permissions alone."""

from functools import cache
from typing import Any

from django.core.management.commands import flush
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

#: Rows that Django makes from the models. `flush` would delete them and make them again.
MADE_FROM_MODELS = {"django_content_type", "auth_permission"}
#: A table of more bytes is truncated: that removes its pages, and takes as long as for an empty one.
MAX_BYTES_TO_DELETE = 1_000_000


class Command(flush.Command):
    """TRUNCATE makes new files for each table and each index; with all tables that takes a quarter of a second."""

    def handle(self, **options: Any) -> None:
        connection = connections[options["database"]]
        if options.get("reset_sequences", True) or not _may_pass_over_triggers(connection):
            super().handle(**options)
            return
        with transaction.atomic(using=options["database"]), connection.cursor() as cursor:
            # Neither the triggers of the log nor those of foreign keys.
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(
                "SELECT oid::regclass::text FROM pg_class WHERE oid::regclass::text = ANY(%s)"
                " AND pg_relation_size(oid) > %s",
                [list(_tables(connection)), MAX_BYTES_TO_DELETE],
            )
            large = [name for (name,) in cursor.fetchall()]
            if large:
                cursor.execute(f"TRUNCATE {', '.join(large)} CASCADE")
            cursor.execute(";".join(f'DELETE FROM "{name}"' for name in _tables(connection) if name not in large))


@cache
def _tables(connection: BaseDatabaseWrapper) -> tuple[str, ...]:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return tuple(sorted(set(names) - MADE_FROM_MODELS))


@cache
def _may_pass_over_triggers(connection: BaseDatabaseWrapper) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SHOW is_superuser")
        return bool(cursor.fetchone()[0] == "on")
