"""Plans of queries, in a line each: the scans, the rows they found, and the pages of the table or index they read.

Pages and rows do not depend on what else the machine does.
"""

import json
from collections.abc import Iterator
from typing import Any


def summary(sql: str) -> str:
    """Run a statement, and return the cells `scans | rows | pages read | ms` of a table in Markdown."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}")
        (answer,) = cursor.fetchone()
    explained = (json.loads(answer) if isinstance(answer, str) else answer)[0]
    plan = explained["Plan"]
    scans = dict.fromkeys(_scans(plan))
    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return f"{', '.join(scans)} | {plan['Actual Rows']:,.0f} | {pages:,} | {explained['Execution Time']:.1f}"


def _scans(plan: dict[str, Any]) -> Iterator[str]:
    kind, index = plan["Node Type"], plan.get("Index Name")
    if index and not plan.get("Never Executed") and plan["Actual Loops"]:
        yield f"`{index}`"
    elif kind == "Seq Scan" and plan["Actual Loops"]:
        yield f"**all of `{plan['Relation Name']}`**"
    elif kind in ("Sort", "Incremental Sort") and plan["Actual Loops"]:
        yield f"sort of {plan['Plans'][0]['Actual Rows']:,.0f}"
    for inner in plan.get("Plans", ()):
        yield from _scans(inner)
