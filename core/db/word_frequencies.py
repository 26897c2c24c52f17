"""Statistics of the columns of words, by which the database distinguishes frequent words from rare ones."""

from django.db.migrations import RunSQL

#: PostgreSQL keeps how many rows have a word for ten times as many words, the most frequent ones (its default: 100).
_TARGET = 300


def with_frequencies(table: str, *columns: str) -> RunSQL:
    """Return an operation of a migration: the database keeps how frequent up to 3,000 words of these columns are.

    With less than 100 such words it takes the beginning of any word to be in 2 % of the rows. So it read all of a large
    table to find the few rows of a project with a rare word, and all that the index has of a frequent word. A migration
    that replaces a column must do this again.
    """

    def statements(target: int) -> tuple[str, ...]:
        targets = ", ".join(f"ALTER COLUMN {column} SET STATISTICS {target}" for column in columns)
        # A new table that ANALYZE has seen would be planned as if it stayed empty.
        refreshed = f"IF EXISTS (SELECT FROM {table}) THEN ANALYZE {table} ({', '.join(columns)}); END IF"
        return f"ALTER TABLE {table} {targets}", f"DO $$ BEGIN {refreshed}; END $$"

    return RunSQL(statements(_TARGET), statements(-1))
