"""Number of rows and index entries that the database reads for a statement, which is run once more."""

from collections.abc import Iterator
from typing import Any

from django.db import connection


def fill_tasks(statement: str, owner: Any, *indexes: str) -> None:
    """Insert rows of tasks without triggers, and have the database know them as after autovacuum.

    Args:
        statement: takes the owner, a user's or project's id.
        indexes: GIN indexes of the table.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, [owner])
        cursor.execute("SET LOCAL session_replication_role = origin")
        for index in indexes:
            cursor.execute("SELECT gin_clean_pending_list(%s)", [index])
        cursor.execute("ANALYZE tasks_task")


def executed(statement: str) -> list[dict[str, Any]]:
    """Run a statement again, and return the parts of its plan that were executed."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
        return [node for node in _nodes(cursor.fetchone()[0][0]["Plan"]) if node["Actual Loops"]]


def rows_read(statement: str) -> int:
    """Return how many rows of tables a statement reads, those that it drops too."""
    counts = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    scans = [node for node in executed(statement) if "Relation Name" in node]
    return sum(int(node["Actual Loops"] * sum(node.get(name, 0) for name in counts)) for node in scans)


def entries_read(statement: str) -> int:
    """Return how many entries of indexes a statement reads before it reads their rows."""
    scans = [node for node in executed(statement) if node["Node Type"] == "Bitmap Index Scan"]
    return sum(int(node["Actual Loops"] * node["Actual Rows"]) for node in scans)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
