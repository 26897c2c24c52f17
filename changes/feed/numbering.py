"""Numbers for what was committed: which change is which in the feed.

A reader that goes on from the highest id misses transactions that took a lower id and committed later; a number given
inside the transaction would be right, and would make all writers queue for each other's commit. So changes are numbered
when they are committed, by one session at a time, each batch in one statement and thus from one snapshot: of each
transaction it sees all rows or none. (docs/decisions/0011-numbered-after-commit.md)
"""

from django.db import connection

from core.db.poolers import refuse_pooler

#: Notified (empty) after commits, and after changes were numbered.
WRITTEN, NUMBERED = "tandem_changes_written", "tandem_changes_numbered"

# Any number will do, as long as nobody else takes it.
LEADER_LOCK_ID = 7_305_002

# Readers remember numbers, so numbers must outlive a crash, whatever the server's default is. `forget` locks changes in
# another order: it is this session that gives way, before PostgreSQL chooses. And batches are small, however many rows
# without a number the planner was told of when it last looked: it must not read the whole log for one. Nor a bitmap of
# what waits: only a scan of the index itself marks the entries of what was numbered since the last vacuum, and passes
# them over from then on; by a bitmap, after 237,000 changes each batch looked at all of them (264 ms). JIT stays off
# (see `core.db.sessions`): before version 18 PostgreSQL adds 10^10 to the cost of a plan that has no other way
# than one that is off, as the scan of the head's one row is, and would compile the statement at each run (1.4 seconds).
_SESSION = """
    SET jit = off;
    SET synchronous_commit = on;
    SET lock_timeout = '200ms';
    SET enable_seqscan = off;
    SET enable_bitmapscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
"""

# An ordinary role may call pg_control_system(). Where the head is lost the epoch is another one.
_BEGIN = """
    INSERT INTO changes_head AS kept (id, seq, oldest, epoch, system_identifier)
    SELECT 1, coalesce(max(seq), 0), coalesce(min(seq), 1), gen_random_uuid(),
           (SELECT system_identifier FROM pg_control_system())
    FROM changes_change WHERE seq IS NOT NULL
    ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, system_identifier = excluded.system_identifier
    WHERE kept.system_identifier <> excluded.system_identifier
"""

# Of two transactions that changed one subject, the later one waited for the earlier one's commit before it took the id
# of that change: so by their last ids they come in order. (By their first ids they may not.)
_NUMBER = """
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
    ), told AS (
        SELECT pg_notify(%s, '') FROM head
    )
    SELECT count(*), (SELECT count(*) FROM told) FROM numbered
"""


def try_acquire_leadership() -> bool:
    """Whether this session is now the one that numbers; it stays so until it ends.

    Raises:
        ImproperlyConfigured: the session is a pooler's, in which the lock would outlive this process.
    """
    refuse_pooler()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LEADER_LOCK_ID])
        (taken,) = cursor.fetchone()
        if taken:
            cursor.execute(_SESSION)
            begin()
    return bool(taken)


def begin() -> None:
    """Makes the head where there is none, and begins another epoch where the cluster is another one."""
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN)


def number() -> int:
    """Numbers what is committed and has none; gives how many. Only for the session in office."""
    with connection.cursor() as cursor:
        cursor.execute(_NUMBER, [NUMBERED])
        (count, _) = cursor.fetchone()
    return int(count)


def tell_of_writes() -> None:
    """Wakes the session in office, wherever it is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [WRITTEN])


def new_epoch() -> None:
    """Makes all cursors void: for a database that was restored, so that its numbers do not mean what they meant."""
    begin()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE changes_head SET epoch = gen_random_uuid()")
        cursor.execute("SELECT pg_notify(%s, '')", [NUMBERED])
