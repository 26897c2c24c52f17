"""Jobs are enqueued in their transaction, and retried until they are done or fail."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from core import context
from core.jobs import CHANNEL, MAX_ATTEMPTS, Reschedule, enqueue, store
from core.models import Job
from tests.jobs import run_jobs
from tests.support.job_queue import a_job

pytestmark = pytest.mark.django_db


def test_job_runs_once_and_drops_its_arguments(tmp_path: Path) -> None:
    file = tmp_path / "file"
    job = enqueue("tests.write", path=str(file), text="done")
    assert (run_jobs(), run_jobs()) == (1, 0)
    assert file.read_text() == "done\n"
    job.refresh_from_db()
    assert job.state == "done"
    assert job.arguments == {}
    assert job.attempts == 1
    assert job.lease_until is None


def test_job_is_enqueued_by_its_transaction() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        enqueue("tests.fail", why="broken")
        raise ZeroDivisionError
    assert Job.objects.count() == 0


def test_workers_are_notified_after_the_commit(
    django_capture_on_commit_callbacks: Any, django_assert_num_queries: Any
) -> None:
    with django_capture_on_commit_callbacks() as callbacks, django_assert_num_queries(1):
        enqueue("tests.fail", why="broken")
    (ring,) = callbacks
    with django_assert_num_queries(1) as queries:
        ring()
    assert queries[0]["sql"] == f"NOTIFY {CHANNEL}"


@pytest.mark.parametrize("kind", ["tests.nothing", "tests.not_a_job", "nowhere.write", "write", "os.system"])
def test_unknown_job_is_rejected(kind: str) -> None:
    with pytest.raises(LookupError):
        enqueue(kind)
    assert Job.objects.count() == 0


def test_job_keeps_the_request_id_of_its_call() -> None:
    token = context.request_id.set("call-1")
    try:
        job = enqueue("tests.fail", why="broken")
    finally:
        context.request_id.reset(token)
    assert job.request_id == "call-1"


def test_failed_job_is_retried_after_a_pause(caplog: pytest.LogCaptureFixture) -> None:
    job = enqueue("tests.fail", why="away")
    assert run_jobs() == 1
    job.refresh_from_db()
    assert (job.state, job.attempts, job.last_error) == ("waiting", 1, "ConnectionError: It went wrong.")
    assert timedelta(seconds=1) < job.next_try_at - timezone.now() < timedelta(seconds=3)
    (line,) = caplog.records
    assert (line.levelname, line.call["code"], line.call["attempt"], line.exc_info) == (  # type: ignore[attr-defined]
        "WARNING", "RETRY", 1, None,
    )  # fmt: skip


def test_internal_error_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    enqueue("tests.fail", why="broken")
    run_jobs()
    (line,) = caplog.records
    assert line.exc_info
    assert line.call["reason"] == "ZeroDivisionError"  # type: ignore[attr-defined]


def test_job_of_an_unknown_kind_is_kept() -> None:
    job = a_job(kind="tests.of_an_old_release")
    run_jobs()
    job.refresh_from_db()
    assert (job.state, job.last_error) == ("waiting", "LookupError: There is no job tests.of_an_old_release.")


def test_permanent_failure_is_not_retried() -> None:
    job = enqueue("tests.fail", why="hopeless")
    run_jobs()
    job.refresh_from_db()
    assert (job.state, job.attempts, job.arguments) == ("failed", 1, {"why": "hopeless"})


def test_job_fails_after_its_last_attempt() -> None:
    job = a_job(attempts=MAX_ATTEMPTS - 1)
    run_jobs()
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("failed", MAX_ATTEMPTS)


def test_job_that_kills_its_workers_fails() -> None:
    job = a_job(attempts=MAX_ATTEMPTS, lease_until=timezone.now() - timedelta(seconds=1))
    assert store.claim(1) == []
    job.refresh_from_db()
    assert (job.state, job.last_error) == ("failed", "Each worker that ran the job ended before it was done.")


def test_pauses_double_and_differ() -> None:
    for failures, seconds in ((1, 2), (2, 4), (5, 32), (10, 900), (1000, 900)):
        pauses = [store.pause(failures) for _ in range(200)]
        assert 0.75 * seconds <= min(pauses) < 0.85 * seconds
        assert 1.15 * seconds < max(pauses) <= 1.25 * seconds


@pytest.mark.parametrize("how", ["gave it back", "got further", "asked for again"])
def test_only_consecutive_failures_lengthen_the_pause(how: str) -> None:
    job = a_job(next_try_at=timezone.now() - timedelta(hours=1))
    for _ in range(20):
        (taken,) = store.claim(1)
        if how == "gave it back":
            store.release(taken, Reschedule())
        else:
            Job.objects.update(lease_until=Now())
    if how == "got further":
        store.renew_lease(taken, made_progress=True)
        Job.objects.update(lease_until=Now())
    elif how == "asked for again":
        Job.objects.update(failed=True, ended_at=Now(), lease_until=None)
        store.retry(Job.objects.all())
    run_jobs()
    job.refresh_from_db()
    assert job.state == "waiting"
    assert job.next_try_at - timezone.now() < timedelta(seconds=3)


def test_retry_restores_all_attempts() -> None:
    failed = a_job(failed=True, ended_at=timezone.now(), attempts=MAX_ATTEMPTS)
    done = a_job(ended_at=timezone.now())
    assert store.retry(Job.objects.all()) == 1
    assert run_jobs() == 1
    failed.refresh_from_db()
    done.refresh_from_db()
    assert (failed.state, failed.attempts, failed.max_attempts) == ("waiting", MAX_ATTEMPTS + 1, 2 * MAX_ATTEMPTS)
    assert (done.state, done.attempts) == ("done", 0)


def test_only_jobs_past_their_retention_are_pruned() -> None:
    days = timedelta(days=1)
    ended = {(failed, age): a_job(failed=failed, ended_at=timezone.now() - age * days)
             for failed in (False, True) for age in (6, 8, 91)}  # fmt: skip
    waiting = a_job(created_at=timezone.now() - 1000 * days)
    assert store.prune() == 3
    kept = {ended[False, 6].pk, ended[True, 6].pk, ended[True, 8].pk, waiting.pk}
    assert set(Job.objects.values_list("pk", flat=True)) == kept


def test_long_errors_are_cut() -> None:
    a_job()
    (job,) = store.claim(1)
    store.note_failure(job, ValueError("a\0" + "x" * 10_000))
    assert len(Job.objects.get().last_error) == store.MAX_ERROR_LENGTH


def test_rescheduling_counts_no_attempt(tmp_path: Path) -> None:
    job = enqueue("tests.put_off", seconds=60)
    Job.objects.update(attempts=MAX_ATTEMPTS - 1)
    assert run_jobs() == 1
    job.refresh_from_db()
    assert (job.state, job.max_attempts) == ("waiting", MAX_ATTEMPTS + 1)
    assert timedelta(seconds=50) < job.next_try_at - timezone.now() <= timedelta(seconds=60)


@pytest.mark.parametrize("how", ["well", "broken"])
def test_on_failure_runs_in_the_transaction_that_fails_the_job(tmp_path: Path, how: str) -> None:
    file = tmp_path / "file"
    by_itself = enqueue("tests.fail_and_tell", path=str(file), how=how)
    run_jobs()
    killing = enqueue("tests.fail_and_tell", path=str(file), how=how)
    Job.objects.filter(pk=killing.pk).update(attempts=MAX_ATTEMPTS)
    assert store.claim(1) == []
    assert file.read_text() == "given up: It went wrong.\ngiven up: None\n"
    for job in (by_itself, killing):
        job.refresh_from_db()
        assert job.state == "failed"
