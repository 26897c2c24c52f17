"""Turns of slow jobs: start-time fair queueing by `fairness_key`.

Each slow job gets a turn when it is enqueued: the turn after the last one of its key, but never one before the turn
that is being served. Jobs are claimed by their turns. So the first waiting job of a key is claimed before the second
of every other key, however many those have, and a claim is one look-up in an index.
"""

import zlib

from django.db import connection
from django.db.models import Max

from core.models import Job

#: Namespace of the advisory locks of keys; advisory locks with a single number are in another space.
_LOCKS = 7305


def next_turn(fairness_key: str) -> int:
    """Return the turn of a slow job that is enqueued now.

    Call this in the transaction that inserts the job. It locks the key until that ends, so that jobs that are enqueued
    concurrently get different turns.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM core_job_turns")
        ((served,),) = cursor.fetchall()
        if not fairness_key:
            return int(served)
        # Two keys with the same hash wait for each other, which does no further harm.
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCKS, zlib.crc32(fairness_key.encode()) - 2**31])
        waiting = Job.objects.filter(ended_at=None, slow=True, fairness_key=fairness_key)
        last: int | None = waiting.aggregate(last=Max("turn"))["last"]
    return int(served) if last is None else max(int(served), last + 1)


def serve(turn: int) -> None:
    """Note that jobs of this turn are claimed. The turn never decreases, even if the claim is rolled back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('core_job_turns', %s) FROM core_job_turns WHERE last_value < %s", [turn, turn])


def max_per_key(slow_threads: int) -> int:
    """Return how many slow jobs of one key a worker with so many slow threads runs at once.

    One thread is left to the other keys if there is more than one thread.
    """
    return max(1, slow_threads - 1)
