"""Slow jobs of different keys take turns."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from core.jobs import MAX_ATTEMPTS, enqueue, fair_queue, store
from core.models import Job
from tests.support.job_queue import slow_jobs

pytestmark = pytest.mark.django_db


def test_slow_jobs_leave_threads_to_others(tmp_path: Path) -> None:
    file = str(tmp_path / "file")
    slow = [enqueue("tests.write_slowly", path=file, text="slow") for _ in range(5)]
    quick = enqueue("tests.write", path=file, text="quick")
    assert [job.pk for job in store.claim(4, 2)] == [slow[0].pk, slow[1].pk, quick.pk]
    assert store.claim(4, 0) == []
    assert len(store.claim(4)) == 3


def claimed_one_by_one() -> list[Job]:
    """Return the slow jobs in the order in which a worker with one slow thread claims them."""
    order: list[Job] = []
    while claimed := store.claim(1, 1, max_per_key=fair_queue.max_per_key(1)):
        store.note_success(claimed[0])
        order += claimed
    return order


def test_slow_jobs_of_different_keys_take_turns(tmp_path: Path) -> None:
    many = slow_jobs(tmp_path, "many", 4)
    (running,) = store.claim(1, 1)
    one, (of_third, *more_of_third) = slow_jobs(tmp_path, "one", 1), slow_jobs(tmp_path, "third", 2)
    store.note_success(running)
    assert running.pk == many[0].pk
    assert [job.pk for job in claimed_one_by_one()] == [
        job.pk for job in (*one, of_third, many[1], *more_of_third, many[2], many[3])
    ]  # fmt: skip


def test_returning_key_does_not_wait_behind_a_long_queue(tmp_path: Path) -> None:
    assert len(slow_jobs(tmp_path, "old", 20)) == len(claimed_one_by_one())
    first, second, *_ = slow_jobs(tmp_path, "many", 50)
    store.note_success(store.claim(1, 1)[0])
    (back,) = slow_jobs(tmp_path, "old", 1)
    assert [job.pk for job in claimed_one_by_one()[:2]] == [back.pk, second.pk]
    assert first.turn <= back.turn < second.turn


def test_failed_slow_job_does_not_reset_the_turns(tmp_path: Path) -> None:
    (failing,) = slow_jobs(tmp_path, "failing", 1)
    store.note_failure(store.claim(1, 1)[0], ConnectionError())
    slow_jobs(tmp_path, "many", 20)
    for _ in range(10):
        store.note_success(store.claim(1, 1)[0])
    Job.objects.filter(pk=failing.pk).update(next_try_at=Now())
    many = slow_jobs(tmp_path, "new", 20)
    assert claimed_one_by_one()[0].pk == failing.pk, "it had its turn"
    assert min(job.turn for job in many) >= failing.turn + 9


def test_worker_keeps_a_slow_thread_for_other_keys(tmp_path: Path) -> None:
    first, *_, last = slow_jobs(tmp_path, "many", 4)
    limit = fair_queue.max_per_key(2)
    running = store.claim(4, 2, max_per_key=limit)
    assert [job.pk for job in running] == [first.pk]
    assert store.claim(3, 1, running=running, max_per_key=limit) == []
    (other,) = slow_jobs(tmp_path, "other", 1)
    assert [job.pk for job in store.claim(3, 1, running=running, max_per_key=limit)] == [other.pk]
    assert last.turn == first.turn + 3


def test_quick_jobs_and_slow_jobs_without_key_are_not_limited(tmp_path: Path) -> None:
    slow_jobs(tmp_path, "", 3)
    for _ in range(3):
        enqueue("tests.write", fairness_key="many", path=str(tmp_path), text="quick")
    assert len(store.claim(10, 10, max_per_key=1)) == 6


@pytest.mark.django_db(transaction=True)
def test_jobs_enqueued_at_once_get_distinct_turns(tmp_path: Path) -> None:
    def ask(_: int) -> int:
        try:
            return slow_jobs(tmp_path, "many", 1)[0].turn
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(ask, range(40)))
    assert len(set(given)) == 40


@pytest.mark.parametrize("keys", [1, 10_000])
def test_claim_reads_few_rows_of_a_long_queue(keys: int, tmp_path: Path) -> None:
    Job.objects.bulk_create(
        Job(
            kind="tests.write_slowly", slow=True, fairness_key=str(number % keys), turn=number // keys,
            max_attempts=MAX_ATTEMPTS,
        )
        for number in range(10_000)
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE core_job")
    with CaptureQueriesContext(connection) as queries:
        (job,) = store.claim(1, 1, max_per_key=1)
        enqueue("tests.write", path=str(tmp_path), text="quick")
        enqueue("tests.write_slowly", fairness_key="new", path=str(tmp_path), text="slow")
    assert job.turn == 0
    reads = [query["sql"] for query in queries if '"core_job"."id"' in query["sql"] and "FOR UPDATE" in query["sql"]]
    assert len(reads) == 2
    for statement in reads:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
            ((plan,),) = cursor.fetchall()
        assert rows_read(plan[0]["Plan"]) <= 10, plan


def rows_read(plan: dict[str, Any]) -> int:
    """Return the number of rows that the scans of the plan touched."""
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) if "Scan" in plan["Node Type"] else 0
    return int(own) + sum(map(rows_read, plan.get("Plans", [])))
