"""Claims of jobs by workers, and their leases."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from core.jobs import MAX_ATTEMPTS, LeaseLost, PermanentFailure, Reschedule, enqueue, store
from core.jobs.worker import run_job
from core.models import Job
from tests.support.job_queue import a_job

pytestmark = pytest.mark.django_db


def test_leased_job_is_not_claimed() -> None:
    a_job()
    (job,) = store.claim(5)
    assert store.claim(5) == []
    Job.objects.update(lease_until=Now())
    (again,) = store.claim(5)
    assert (again.pk, again.attempts) == (job.pk, 2)


def test_holder_renews_its_lease() -> None:
    a_job()
    (job,) = store.claim(1)
    Job.objects.update(lease_until=Now() + timedelta(seconds=1))
    store.keep([job])
    left = Job.objects.get().lease_until - timezone.now()  # type: ignore[operator]
    assert timedelta(seconds=store.LEASE_SECONDS - 2) < left <= timedelta(seconds=store.LEASE_SECONDS)
    assert store.LEASE_SECONDS + 1 < 15, "a killed worker's job is taken over within 15 s, the poll included"


@pytest.mark.django_db(transaction=True)
def test_lease_is_renewed_during_a_long_transaction_of_another_job() -> None:
    committing, _ = a_job(), a_job()
    jobs = store.claim(2)
    soon = Now() + timedelta(seconds=1)
    Job.objects.update(lease_until=soon)

    def keep() -> None:
        try:
            store.keep(jobs)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        Job.objects.filter(pk=committing.pk).update(last_error="in a long transaction")
        pool.submit(keep).result(timeout=5)
    left = {job.pk: job.lease_until - timezone.now() for job in Job.objects.all()}  # type: ignore[operator]
    assert left.pop(committing.pk) < timedelta(seconds=1), "its own transaction keeps it"
    assert min(left.values()) > timedelta(seconds=store.LEASE_SECONDS - 5)


def test_worker_without_its_lease_changes_nothing() -> None:
    a_job()
    (late,) = store.claim(1)
    Job.objects.update(lease_until=Now())
    (job,) = store.claim(1)
    before = Job.objects.values().get()
    store.keep([late])
    for store_outcome in (
        lambda: store.note_success(late),
        lambda: store.note_failure(late, ZeroDivisionError()),
        lambda: store.note_failure(late, PermanentFailure()),
        lambda: store.release(late, Reschedule()),
    ):
        with pytest.raises(LeaseLost):
            store_outcome()
    assert Job.objects.values().get() == before
    store.note_success(job)
    assert Job.objects.get().state == "done"


def test_jobs_due_for_longest_are_claimed_first() -> None:
    jobs = [a_job(next_try_at=timezone.now() - timedelta(minutes=minutes)) for minutes in (1, 3, 2)]
    a_job(next_try_at=timezone.now() + timedelta(minutes=1))
    assert [job.pk for job in store.claim(2)] == [jobs[1].pk, jobs[2].pk]
    assert [job.pk for job in store.claim(2)] == [jobs[0].pk]


def test_released_job_keeps_its_turn() -> None:
    begun = a_job(next_try_at=timezone.now() - timedelta(minutes=2))
    a_job(next_try_at=timezone.now() - timedelta(minutes=1))
    (job,) = store.claim(1)
    store.release(job, Reschedule())
    assert [again.pk for again in store.claim(1)] == [begun.pk]


def test_poll_without_jobs_makes_four_queries(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(4):  # Savepoint, two SELECTs, release.
        assert store.claim(4) == []


@pytest.mark.django_db(transaction=True)
def test_workers_claim_different_jobs(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with transaction.atomic():
        for number in range(100):
            enqueue("tests.write", path=str(file), text=str(number))

    def work() -> int:
        count = 0
        while claimed := store.claim(3):
            for job in claimed:
                run_job(job)
            count += len(claimed)
        connection.close()
        return count

    with ThreadPoolExecutor(4) as pool:
        counts = [future.result() for future in [pool.submit(work) for _ in range(4)]]
    assert sum(counts) == 100
    assert Counter(file.read_text().split()) == Counter(map(str, range(100)))
    assert not Job.objects.exclude(attempts=1).exclude(attempts=F("max_attempts")).exists()


@pytest.mark.parametrize("claims", [0, 1])
def test_lost_lease_is_noticed_before_a_write(tmp_path: Path, claims: int) -> None:
    file = tmp_path / "file"
    enqueue("tests.lose", path=str(file), claims=claims)
    (job,) = store.claim(1)
    run_job(job)
    assert file.exists() == (not claims)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (("done", 1) if not claims else ("running", 2))
    assert job.max_attempts == MAX_ATTEMPTS + (0 if claims else 1), "who got further has as many tries again"
