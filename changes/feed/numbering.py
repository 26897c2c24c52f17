"""Sequence numbers of committed changes, which order the feed.

A reader that resumes from the highest id misses transactions that took a lower id and committed later. Numbers that are
assigned inside the transaction would be correct, but would make all writers wait for each other's commit. So one
session at a time numbers changes after their commit, each batch in one statement and therefore from one snapshot: of
each transaction it sees all rows or none. (docs/decisions/0011-numbered-after-commit.md)
"""

from django.db import connection

from core.db.poolers import refuse_pooler

#: Notified (empty) after commits, and after changes were numbered.
WRITTEN, NUMBERED = "tandem_changes_written", "tandem_changes_numbered"

# An arbitrary number that no other advisory lock uses.
LEADER_LOCK_ID = 7_305_002

# synchronous_commit: clients keep numbers, so numbers must survive a crash, regardless of the server's default.
# lock_timeout: `forget` locks changes in another order; this session gives up first, before PostgreSQL resolves the
# deadlock.
# enable_seqscan: batches are small, but the planner may have old statistics with many rows without a number, and must
# not read the whole log for one batch.
# enable_bitmapscan: only a plain index scan marks entries that were numbered since the last vacuum as dead, and skips
# them from then on. With bitmaps, each batch after 237,000 changes read all of them (264 ms).
# jit (see `core.db.sessions`): before version 18, PostgreSQL adds 10^10 to the cost of a plan that must use a disabled
# method, such as the scan of the head's one row, and would compile the statement at each run (1.4 seconds).
_SESSION = """
    SET jit = off;
    SET synchronous_commit = on;
    SET lock_timeout = '200ms';
    SET enable_seqscan = off;
    SET enable_bitmapscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
"""

# An ordinary role may call pg_control_system(). If the head row is lost, a new epoch begins.
_BEGIN = """
    INSERT INTO changes_head AS kept (id, seq, oldest, epoch, system_identifier)
    SELECT 1, coalesce(max(seq), 0), coalesce(min(seq), 1), gen_random_uuid(),
           (SELECT system_identifier FROM pg_control_system())
    FROM changes_change WHERE seq IS NOT NULL
    ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, system_identifier = excluded.system_identifier
    WHERE kept.system_identifier <> excluded.system_identifier
"""

# Of two transactions that changed the same subject, the later one waited for the commit of the earlier one before it
# took the id of that change. So their last ids are in the order of their commits; their first ids may not be.
NUMBER = """
    WITH unnumbered AS MATERIALIZED (
        SELECT id, row_number() OVER (ORDER BY last, id) AS place
        FROM (SELECT id, max(id) OVER (PARTITION BY xid) AS last FROM changes_change WHERE seq IS NULL) AS found
    ), head AS (
        UPDATE changes_head SET seq = seq + found.count
        FROM (SELECT count(*) FROM unnumbered) AS found
        WHERE found.count > 0
        RETURNING seq - found.count AS before
    ), numbered AS (
        UPDATE changes_change AS change SET seq = head.before + unnumbered.place
        FROM head, unnumbered WHERE change.id = unnumbered.id
        RETURNING change.id
    ), notified AS (
        SELECT pg_notify(%s, '') FROM head
    )
    SELECT count(*), (SELECT count(*) FROM notified) FROM numbered
"""


def try_acquire_leadership() -> bool:
    """Try to become the leader, and return whether this session now is. It stays the leader until it ends.

    Raises:
        ImproperlyConfigured: the session belongs to a pooler, where the lock would outlive this process.
    """
    refuse_pooler()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LEADER_LOCK_ID])
        (is_leader,) = cursor.fetchone()
        if is_leader:
            cursor.execute(_SESSION)
            begin()
    return bool(is_leader)


def begin() -> None:
    """Create the head if it does not exist, and begin a new epoch if the database cluster has changed."""
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN)


def number() -> int:
    """Number the committed changes that have no number, and return how many. Only the leader may call it."""
    with connection.cursor() as cursor:
        cursor.execute(NUMBER, [NUMBERED])
        (count, _) = cursor.fetchone()
    return int(count)


def notify_leader() -> None:
    """Wake the leader, in whichever process it is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [WRITTEN])


def new_epoch() -> None:
    """Invalidate all cursors. It is for a restored database, whose numbers are assigned a second time."""
    begin()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE changes_head SET epoch = gen_random_uuid()")
        cursor.execute("SELECT pg_notify(%s, '')", [NUMBERED])
