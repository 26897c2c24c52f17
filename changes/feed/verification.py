"""Whether the log is what it promises to be: run over the whole of it."""

from collections.abc import Iterator

from django.db import connection

from changes.feed import subjects

#: What is wrong, and the statement that gives what is wrong about it: a number, or an id.
_NUMBERS = {
    "a number is missing before": """
        SELECT seq FROM (
            SELECT seq, lag(seq) OVER (ORDER BY seq) AS before FROM changes_change WHERE seq IS NOT NULL
        ) AS c WHERE seq <> before + 1
    """,
    "the log does not begin where its head says:": """
        SELECT min(seq) FROM changes_change HAVING min(seq) <> (SELECT oldest FROM changes_head)
    """,
    "the log does not end where its head says:": """
        SELECT max(seq) FROM changes_change HAVING max(seq) <> (SELECT seq FROM changes_head)
    """,
    "of what its head says the log lacks": """
        SELECT lacking FROM (
            SELECT head.seq - head.oldest + 1 - (SELECT count(seq) FROM changes_change) AS lacking
            FROM changes_head AS head
        ) AS counted WHERE lacking <> 0
    """,
    "a transaction is torn before": """
        SELECT seq FROM (
            SELECT seq, row_number() OVER (PARTITION BY xid ORDER BY seq) AS part FROM (
                SELECT seq, xid, lag(xid) OVER (ORDER BY seq) AS before FROM changes_change WHERE seq IS NOT NULL
            ) AS c WHERE before IS DISTINCT FROM xid
        ) AS parts WHERE part > 1
    """,
    "a subject's version does not follow the one before, at": """
        SELECT seq FROM (
            SELECT seq, subject_version, lag(subject_version) OVER (
                PARTITION BY subject_type, subject_id ORDER BY seq
            ) AS before FROM changes_change WHERE seq IS NOT NULL
        ) AS c WHERE subject_version <> before + 1
    """,
}

# Of each subject its last change, numbered or not, against its row. What was pruned is not known.
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
    """A sentence for each thing that is wrong; none, if the log is as it should be."""
    with connection.cursor() as cursor:
        for what, statement in _NUMBERS.items():
            cursor.execute(statement)
            for (where,) in cursor.fetchall():
                yield f"{what} {where}"
        for name in sorted(subjects.types()):
            subject = subjects.of(name)
            cursor.execute(_REPLAYED.format(table=f'"{subject.model._meta.db_table}"'), [name, subject.not_logged])
            for (subject_id,) in cursor.fetchall():
                yield f"the log replayed gives another {name} {subject_id} than there is"
