"""The table of jobs: what is taken, by whom, how often."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core import context
from core.jobs import CHANNEL, MAX_ATTEMPTS, Reschedule, enqueue, fair_queue, store
from core.jobs.worker import run_job
from core.models import Job
from tests.jobs import run_jobs

pytestmark = pytest.mark.django_db


def a_job(**fields: Any) -> Job:
    """A job that was just asked for, but for these fields."""
    job = enqueue("tests.fail", why="away")
    Job.objects.filter(pk=job.pk).update(**fields)
    return Job.objects.get(pk=job.pk)


def test_a_job_is_done_once_and_forgets_its_arguments(tmp_path: Path) -> None:
    file = tmp_path / "file"
    job = enqueue("tests.write", path=str(file), text="done")
    assert (run_jobs(), run_jobs()) == (1, 0)
    assert file.read_text() == "done\n"
    job.refresh_from_db()
    assert (job.state, job.arguments, job.attempts, job.lease_until) == ("done", {}, 1, None)


def test_a_job_belongs_to_its_transaction() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        enqueue("tests.fail", why="broken")
        raise ZeroDivisionError
    assert Job.objects.count() == 0


def test_workers_are_woken_up_after_the_commit_and_not_before(
    django_capture_on_commit_callbacks: Any, django_assert_num_queries: Any
) -> None:
    with django_capture_on_commit_callbacks() as callbacks, django_assert_num_queries(1):
        enqueue("tests.fail", why="broken")
    (ring,) = callbacks
    with django_assert_num_queries(1) as queries:
        ring()
    assert queries[0]["sql"] == f"NOTIFY {CHANNEL}"


@pytest.mark.parametrize("kind", ["tests.nothing", "tests.not_a_job", "nowhere.write", "write", "os.system"])
def test_what_is_no_job_is_refused(kind: str) -> None:
    with pytest.raises(LookupError):
        enqueue(kind)
    assert Job.objects.count() == 0


def test_a_job_knows_the_call_that_asked_for_it() -> None:
    token = context.request_id.set("call-1")
    try:
        job = enqueue("tests.fail", why="broken")
    finally:
        context.request_id.reset(token)
    assert job.request_id == "call-1"


def test_what_goes_wrong_is_tried_again_after_a_pause(caplog: pytest.LogCaptureFixture) -> None:
    job = enqueue("tests.fail", why="away")
    assert run_jobs() == 1
    job.refresh_from_db()
    assert (job.state, job.attempts, job.last_error) == ("waiting", 1, "ConnectionError: It went wrong.")
    assert timedelta(seconds=1) < job.next_try_at - timezone.now() < timedelta(seconds=3)
    (line,) = caplog.records
    assert (line.levelname, line.call["code"], line.call["attempt"], line.exc_info) == (  # type: ignore[attr-defined]
        "WARNING", "TRY_AGAIN", 1, None,
    )  # fmt: skip


def test_a_fault_of_ours_is_told_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    enqueue("tests.fail", why="broken")
    run_jobs()
    (line,) = caplog.records
    assert line.exc_info
    assert line.call["reason"] == "ZeroDivisionError"  # type: ignore[attr-defined]


def test_a_kind_that_is_no_more_is_kept_for_who_knows_it() -> None:
    job = a_job(kind="tests.of_an_old_release")
    run_jobs()
    job.refresh_from_db()
    assert (job.state, job.last_error) == ("waiting", "LookupError: There is no job tests.of_an_old_release.")


def test_what_is_hopeless_is_not_tried_again() -> None:
    job = enqueue("tests.fail", why="hopeless")
    run_jobs()
    job.refresh_from_db()
    assert (job.state, job.attempts, job.arguments) == ("failed", 1, {"why": "hopeless"})


def test_the_last_attempt_is_the_last() -> None:
    job = a_job(attempts=MAX_ATTEMPTS - 1)
    run_jobs()
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("failed", MAX_ATTEMPTS)


def test_what_kills_its_workers_is_given_up_too() -> None:
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
def test_only_failures_in_a_row_make_a_pause_longer(how: str) -> None:
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


def test_a_job_under_lease_is_nobody_elses() -> None:
    a_job()
    (job,) = store.claim(5)
    assert store.claim(5) == []
    Job.objects.update(lease_until=Now())
    (again,) = store.claim(5)
    assert (again.pk, again.attempts) == (job.pk, 2)


def test_a_lease_is_kept_by_its_holder() -> None:
    a_job()
    (job,) = store.claim(1)
    Job.objects.update(lease_until=Now() + timedelta(seconds=1))
    store.keep([job])
    left = Job.objects.get().lease_until - timezone.now()  # type: ignore[operator]
    assert timedelta(seconds=store.LEASE_SECONDS - 2) < left <= timedelta(seconds=store.LEASE_SECONDS)
    assert store.LEASE_SECONDS + 1 < 15, "a killed worker's job is taken over within 15 s, the poll included"


@pytest.mark.django_db(transaction=True)
def test_a_lease_is_kept_while_another_job_commits_for_long() -> None:
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


def test_who_lost_a_lease_changes_nothing() -> None:
    a_job()
    (late,) = store.claim(1)
    Job.objects.update(lease_until=Now())
    (job,) = store.claim(1)
    before = Job.objects.values().get()
    store.keep([late])
    store.note_success(late)
    store.note_failure(late, ZeroDivisionError())
    assert Job.objects.values().get() == before
    store.note_success(job)
    assert Job.objects.get().state == "done"


def test_those_due_for_longest_come_first() -> None:
    jobs = [a_job(next_try_at=timezone.now() - timedelta(minutes=minutes)) for minutes in (1, 3, 2)]
    a_job(next_try_at=timezone.now() + timedelta(minutes=1))
    assert [job.pk for job in store.claim(2)] == [jobs[1].pk, jobs[2].pk]
    assert [job.pk for job in store.claim(2)] == [jobs[0].pk]


def test_what_is_given_back_at_once_keeps_its_turn() -> None:
    begun = a_job(next_try_at=timezone.now() - timedelta(minutes=2))
    a_job(next_try_at=timezone.now() - timedelta(minutes=1))
    (job,) = store.claim(1)
    store.release(job, Reschedule())
    assert [again.pk for again in store.claim(1)] == [begun.pk]


def test_a_retry_begins_anew() -> None:
    failed = a_job(failed=True, ended_at=timezone.now(), attempts=MAX_ATTEMPTS)
    done = a_job(ended_at=timezone.now())
    assert store.retry(Job.objects.all()) == 1
    assert run_jobs() == 1
    failed.refresh_from_db()
    done.refresh_from_db()
    assert (failed.state, failed.attempts, failed.max_attempts) == ("waiting", MAX_ATTEMPTS + 1, 2 * MAX_ATTEMPTS)
    assert (done.state, done.attempts) == ("done", 0)


def test_only_what_ended_long_ago_is_pruned() -> None:
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


def test_a_poll_without_jobs_is_cheap(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(4):  # Savepoint, two SELECTs, release.
        assert store.claim(4) == []


@pytest.mark.django_db(transaction=True)
def test_two_workers_take_different_jobs(tmp_path: Path) -> None:
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


def test_slow_jobs_leave_threads_to_others(tmp_path: Path) -> None:
    file = str(tmp_path / "file")
    slow = [enqueue("tests.write_slowly", path=file, text="slow") for _ in range(5)]
    quick = enqueue("tests.write", path=file, text="quick")
    assert [job.pk for job in store.claim(4, 2)] == [slow[0].pk, slow[1].pk, quick.pk]
    assert store.claim(4, 0) == []
    assert len(store.claim(4)) == 3


def test_who_puts_a_job_off_has_not_tried_it(tmp_path: Path) -> None:
    job = enqueue("tests.put_off", seconds=60)
    Job.objects.update(attempts=MAX_ATTEMPTS - 1)
    assert run_jobs() == 1
    job.refresh_from_db()
    assert (job.state, job.max_attempts) == ("waiting", MAX_ATTEMPTS + 1)
    assert timedelta(seconds=50) < job.next_try_at - timezone.now() <= timedelta(seconds=60)


@pytest.mark.parametrize("claims", [0, 1])
def test_who_lost_a_job_learns_it_before_writing(tmp_path: Path, claims: int) -> None:
    file = tmp_path / "file"
    enqueue("tests.lose", path=str(file), claims=claims)
    (job,) = store.claim(1)
    run_job(job)
    assert file.exists() == (not claims)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (("done", 1) if not claims else ("running", 2))
    assert job.max_attempts == MAX_ATTEMPTS + (0 if claims else 1), "who got further has as many tries again"


@pytest.mark.parametrize("how", ["well", "broken"])
def test_what_is_given_up_is_told_in_the_same_transaction(tmp_path: Path, how: str) -> None:
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


def slow_jobs(path: Path, fairness_key: str, count: int) -> list[Job]:
    return [
        enqueue("tests.write_slowly", fairness_key=fairness_key, path=str(path), text=fairness_key)
        for _ in range(count)
    ]


def claimed_one_by_one() -> list[Job]:
    """The slow jobs in the order in which a worker with one slow thread has them."""
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


def test_a_key_that_comes_back_does_not_wait_behind_what_another_has_queued_since(tmp_path: Path) -> None:
    assert len(slow_jobs(tmp_path, "old", 20)) == len(claimed_one_by_one())
    first, second, *_ = slow_jobs(tmp_path, "many", 50)
    store.note_success(store.claim(1, 1)[0])
    (back,) = slow_jobs(tmp_path, "old", 1)
    assert [job.pk for job in claimed_one_by_one()[:2]] == [back.pk, second.pk]
    assert first.turn <= back.turn < second.turn


def test_a_slow_job_that_failed_before_does_not_set_the_turns_back(tmp_path: Path) -> None:
    (failing,) = slow_jobs(tmp_path, "failing", 1)
    store.note_failure(store.claim(1, 1)[0], ConnectionError())
    slow_jobs(tmp_path, "many", 20)
    for _ in range(10):
        store.note_success(store.claim(1, 1)[0])
    Job.objects.filter(pk=failing.pk).update(next_try_at=Now())
    many = slow_jobs(tmp_path, "new", 20)
    assert claimed_one_by_one()[0].pk == failing.pk, "it had its turn"
    assert min(job.turn for job in many) >= failing.turn + 9


def test_a_worker_leaves_a_slow_thread_to_other_keys(tmp_path: Path) -> None:
    first, *_, last = slow_jobs(tmp_path, "many", 4)
    limit = fair_queue.max_per_key(2)
    running = store.claim(4, 2, max_per_key=limit)
    assert [job.pk for job in running] == [first.pk]
    assert store.claim(3, 1, running=running, max_per_key=limit) == []
    (other,) = slow_jobs(tmp_path, "other", 1)
    assert [job.pk for job in store.claim(3, 1, running=running, max_per_key=limit)] == [other.pk]
    assert last.turn == first.turn + 3


def test_quick_jobs_and_slow_ones_of_no_key_have_no_limit(tmp_path: Path) -> None:
    slow_jobs(tmp_path, "", 3)
    for _ in range(3):
        enqueue("tests.write", fairness_key="many", path=str(tmp_path), text="quick")
    assert len(store.claim(10, 10, max_per_key=1)) == 6


@pytest.mark.django_db(transaction=True)
def test_jobs_that_one_key_enqueues_at_once_have_a_turn_each(tmp_path: Path) -> None:
    def ask(_: int) -> int:
        try:
            return slow_jobs(tmp_path, "many", 1)[0].turn
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(ask, range(40)))
    assert len(set(given)) == 40


@pytest.mark.parametrize("keys", [1, 10_000])
def test_claiming_reads_few_rows_however_many_wait(keys: int, tmp_path: Path) -> None:
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
    """How many rows the plan's scans touched."""
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) if "Scan" in plan["Node Type"] else 0
    return int(own) + sum(map(rows_read, plan.get("Plans", [])))
