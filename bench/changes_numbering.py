"""The cost for writers of numbering the change log, by the place where the number is assigned.

.venv/bin/python -m bench.changes_numbering [--seconds N] [--rounds N] [--writers N ...]
"""

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import product
from bench.measuring import machine

#: Flush time of a network disk. `commit_delay` sleeps in place of the flush, with the same lock held, so that commits
#: queue behind it as behind a real one.
SLOW_FLUSH_MICROSECONDS = 3_000

TABLE = """
    CREATE TABLE bench_note (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(), version bigint NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
        title text NOT NULL DEFAULT 'A task as it is on most days', labels text[] NOT NULL DEFAULT '{a,b}',
        description text NOT NULL DEFAULT repeat('Some words. ', 20)
    )
"""

#: The same row of the log, with a number assigned by the scheme.
LOG_WITH_NUMBER = """
    CREATE FUNCTION bench_log() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
    DECLARE next_seq bigint;
    BEGIN
        %s
        INSERT INTO changes_change (xid, subject_type, subject_id, subject_version, operation, old, new,
                                    actor, reason, request_id, occurred_at, seq)
        SELECT pg_current_xact_id()::text::bigint, 'bench', n.id, n.version, 'created', NULL, to_jsonb(n),
               'system', '', '', clock_timestamp(), next_seq
        FROM new_rows n;
        RETURN NULL;
    END $$
"""
LOG = """
    CREATE TRIGGER log_insert AFTER INSERT ON bench_note REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {}
"""
OURS = [LOG.format("changes_log('bench')")]
AT_COMMIT = """
    CREATE FUNCTION bench_number() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE next_seq bigint;
    BEGIN
        UPDATE changes_head SET seq = seq + 1 RETURNING seq INTO next_seq;
        UPDATE changes_change SET seq = next_seq WHERE id = NEW.id;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER bench_number AFTER INSERT ON changes_change DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION bench_number()
"""
SCHEMES: dict[str, list[str]] = {
    "no log": [],
    "log, never numbered (loses events)": OURS,
    "in the transaction: head row": [
        LOG_WITH_NUMBER % "UPDATE changes_head SET seq = seq + 1 RETURNING seq INTO next_seq;",
        LOG.format("bench_log()"),
    ],
    "in the transaction: advisory lock": [
        LOG_WITH_NUMBER % "PERFORM pg_advisory_xact_lock(1); next_seq := nextval('bench_seq');",
        LOG.format("bench_log()"),
    ],
    "in the transaction: deferred trigger": [*OURS, AT_COMMIT],
    "after the commit (ours)": OURS,
}
NUMBERED_AFTERWARDS = "after the commit (ours)"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure commits per second by where changes are numbered.")
    parser.add_argument("--seconds", type=float, default=4, help="length of each window (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, whose medians are reported (%(default)s)")
    parser.add_argument("--writers", type=int, nargs="+", default=[8, 32], help="at once (%(default)s)")
    arguments = parser.parse_args()
    with product.database(None):
        print(f"{machine()}\nInserts per second, each its own transaction; medians of {arguments.rounds} windows\n")
        _measure(arguments.writers, arguments.rounds, arguments.seconds)
        print(f"\nAt the end: {machine()}")


def _measure(writers: list[int], rounds: int, seconds: float) -> None:
    columns = [(count, slow) for slow in (False, True) for count in writers]
    found: dict[tuple[str, int, bool], list[float]] = {}
    late: dict[tuple[int, bool], list[float]] = {}
    for number in range(rounds):
        for scheme in SCHEMES:
            for count, slow in columns:
                print(f"round {number + 1}: {scheme}, {count} writers ...", file=sys.stderr, flush=True)
                rate, delays = _window(scheme, count, slow, seconds)
                found.setdefault((scheme, count, slow), []).append(rate)
                late.setdefault((count, slow), []).extend(delays)
    print(f"{'':38}" + "".join(f"{count:>4} writers{', 3 ms flush' if slow else '':13}" for count, slow in columns))
    for scheme in SCHEMES:
        rates = (statistics.median(found[scheme, *column]) for column in columns)
        print(f"{scheme:38}" + "".join(f"{rate:>12,.0f}{'':13}" for rate in rates))
    print("\nWritten → read by a tailer, ms (the commit itself included):")
    for count, slow in columns:
        delays = sorted(late[count, slow])
        p50, p99 = (delays[int(len(delays) * part)] for part in (0.5, 0.99))
        print(
            f"{count:>4} writers{', 3 ms flush' if slow else '':13} p50 {p50:6.1f}  p99 {p99:6.1f}  n {len(delays):,}"
        )


def _window(scheme: str, writers: int, slow: bool, seconds: float) -> tuple[float, list[float]]:
    """Measure the commits per second and, if changes are numbered afterwards, the delay of reading each."""
    with _scheme(scheme, slow):
        if scheme != NUMBERED_AFTERWARDS:
            return _run_writers(writers, seconds), []
        with _serving() as delays:
            rate = _run_writers(writers, seconds)
            _until_all_is_read()
        return rate, delays


@contextmanager
def _scheme(scheme: str, slow: bool) -> Iterator[None]:
    from changes.feed import numbering

    _execute("TRUNCATE changes_change", "DELETE FROM changes_head", TABLE, "CREATE SEQUENCE bench_seq")
    numbering.begin()
    _execute(*SCHEMES[scheme])
    _execute(
        f"ALTER SYSTEM SET commit_delay = {SLOW_FLUSH_MICROSECONDS if slow else 0}",
        "ALTER SYSTEM SET commit_siblings = 0",
        "SELECT pg_reload_conf()",
        "CHECKPOINT",
    )
    try:
        yield
    finally:
        _execute(
            "DROP TABLE bench_note",
            "DROP SEQUENCE bench_seq",
            "DROP TRIGGER IF EXISTS bench_number ON changes_change",
            "DROP FUNCTION IF EXISTS bench_log, bench_number",
        )


@contextmanager
def _serving() -> Iterator[list[float]]:
    """Run a sequencer and a tailer, as a serving process does. Yields the delay of reading each change, in ms."""
    from changes.feed.hub import Hub
    from changes.feed.log import Head
    from changes.feed.numberer import Sequencer
    from changes.feed.tailer import Tailer

    delays: list[float] = []

    class Noting(Hub):
        def publish(self, head: Head, changes: Any) -> None:
            now = time.time()
            delays.extend((now - change.occurred_at.timestamp()) * 1000 for change in changes)
            super().publish(head, changes)

    hub = Noting()
    numberer, tailer = Sequencer(), Tailer(hub)
    numberer.start()
    tailer.start()
    while hub.known_head is None:
        time.sleep(0.01)
    # The writers do not notify the sequencer, so this thread does it as often as another serving process would.
    over = threading.Event()
    ringer = threading.Thread(target=_ring_until, args=[over])
    ringer.start()
    try:
        yield delays
    finally:
        over.set()
        ringer.join()
        tailer.stop()
        numberer.stop()


def _ring_until(over: threading.Event) -> None:
    from django.db import connection

    from changes.feed import numbering
    from changes.feed.numberer import MIN_INTERVAL_SECONDS

    while not over.wait(MIN_INTERVAL_SECONDS):
        numbering.notify_leader()
    connection.close()


def _run_writers(writers: int, seconds: float) -> float:
    from django.db import connection

    from core.db.backend.base import server_of
    from embedded_postgres import binaries

    server = server_of(connection.settings_dict)
    script = Path(os.environ["TANDEM_DATA_DIR"]) / "insert.sql"
    script.write_text("INSERT INTO bench_note DEFAULT VALUES;\n")
    done = subprocess.run(
        [
            binaries.programs()[binaries.newest()] / "pgbench", "--no-vacuum", "--protocol=prepared",
            f"--host={server['HOST']}", f"--port={server['PORT']}", f"--username={server['USER']}",
            f"--client={writers}", "--jobs=2", f"--time={seconds:.0f}", f"--file={script}",
            connection.settings_dict["NAME"],
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("tps"))
    return float(line.split()[2])


def _until_all_is_read() -> None:
    from changes.models import Change

    deadline = time.monotonic() + 60
    while Change.objects.filter(seq=None).exists():
        if time.monotonic() > deadline:
            raise TimeoutError("The numberer does not keep up.")
        time.sleep(0.05)


def _execute(*statements: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


if __name__ == "__main__":
    main()
