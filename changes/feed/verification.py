"""Verification of the whole change log: of its numbers, transactions and versions, and against the tables."""

from collections.abc import Iterator

from django.db import connection

from changes.feed import subjects

#: Descriptions of faults, each with the statement that selects the numbers or ids at fault.
_NUMBERS = {
    "a number is missing before": """
        SELECT seq FROM (
            SELECT seq, lag(seq) OVER (ORDER BY seq) AS before FROM changes_change WHERE seq IS NOT NULL
        ) AS c WHERE seq <> before + 1
    """,
    "the log does not begin at its head's oldest number, but at": """
        SELECT min(seq) FROM changes_change HAVING min(seq) <> (SELECT oldest FROM changes_head)
    """,
    "the log does not end at its head's last number, but at": """
        SELECT max(seq) FROM changes_change HAVING max(seq) <> (SELECT seq FROM changes_head)
    """,
    "changes missing between the head's oldest and last number:": """
        SELECT lacking FROM (
            SELECT head.seq - head.oldest + 1 - (SELECT count(seq) FROM changes_change) AS lacking
            FROM changes_head AS head
        ) AS counted WHERE lacking <> 0
    """,
    "a transaction is divided before": """
        SELECT seq FROM (
            SELECT seq, row_number() OVER (PARTITION BY xid ORDER BY seq) AS part FROM (
                SELECT seq, xid, lag(xid) OVER (ORDER BY seq) AS before FROM changes_change WHERE seq IS NOT NULL
            ) AS c WHERE before IS DISTINCT FROM xid
        ) AS parts WHERE part > 1
    """,
    "a subject's version does not follow its previous version, at": """
        SELECT seq FROM (
            SELECT seq, subject_version, lag(subject_version) OVER (
                PARTITION BY subject_type, subject_id ORDER BY seq
            ) AS before FROM changes_change WHERE seq IS NOT NULL
        ) AS c WHERE subject_version <> before + 1
    """,
}

# Compares each subject's last change, numbered or not, with its row. Pruned changes cannot be checked.
_REPLAYED = """
    SELECT coalesce(kept.id, replayed.subject_id)
    FROM (
        SELECT DISTINCT ON (subject_id) subject_id, operation, new FROM changes_change
        WHERE subject_type = %s ORDER BY subject_id, subject_version DESC
    ) AS replayed
    LEFT JOIN {table} AS kept ON kept.id = replayed.subject_id
    WHERE (replayed.operation = 'deleted') <> (kept.id IS NULL)
       OR (kept.id IS NOT NULL AND to_jsonb(kept) - %s::text[] <> replayed.new)
"""


def faults() -> Iterator[str]:
    """Yield a description of each fault."""
    with connection.cursor() as cursor:
        for fault, statement in _NUMBERS.items():
            cursor.execute(statement)
            for (where,) in cursor.fetchall():
                yield f"{fault} {where}"
        for name in sorted(subjects.types()):
            subject = subjects.of(name)
            cursor.execute(_REPLAYED.format(table=f'"{subject.model._meta.db_table}"'), [name, subject.not_logged])
            for (subject_id,) in cursor.fetchall():
                yield f"the last change of {name} {subject_id} does not match its row"
