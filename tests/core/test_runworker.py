"""`manage.py runworker` as operators meet it: a process of its own, real signals."""

import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from django.db import connection

from core.jobs import enqueue
from core.jobs.store import LEASE_SECONDS
from core.models import Job
from tests.support.servers import until
from tests.support.worker_process import Worker, shorten_leases, workers

pytestmark = [pytest.mark.real_server, pytest.mark.django_db(transaction=True)]

Start = Callable[..., Worker]


@pytest.fixture
def start() -> Iterator[Start]:
    with workers() as start:
        yield partial(start, whole_start=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.touch()
    return path


def lines(file: Path) -> list[list[str]]:
    return [line.split() for line in file.read_text().splitlines()]


def seconds_for_8_jobs(file: Path) -> float:
    """Return the time of 8 jobs, each enqueued when the one before is done.

    A worker that polls once a second, without notifications, takes a second for each.
    """
    began = time.monotonic()
    for number in range(8):
        job = enqueue("tests.write", path=str(file), text=str(number))
        until(lambda job=job: is_done(job), "it is done")  # type: ignore[misc]
    return time.monotonic() - began


def is_done(job: Job) -> bool:
    return Job.objects.get(pk=job.pk).state == "done"


def lease_of(job: Job) -> datetime:
    job.refresh_from_db()
    assert job.lease_until
    return job.lease_until


def hold(file: Path) -> Job:
    """Enqueue a job that runs until it is released."""
    job = enqueue("tests.write_and_wait", path=str(file), text="held")
    until(lambda: len(lines(file)) == 1, "the job runs")
    return job


def let_go(file: Path) -> None:
    Path(f"{file}.end").touch()


def outcomes(worker: Worker, job: Job) -> list[str]:
    """Return the codes of the log lines that a worker has written about a job."""
    return [line["code"] for line in worker.logged() if line.get("job_id") == str(job.pk)]


def test_worker_is_notified_of_jobs(start: Start, file: Path) -> None:
    start()
    assert seconds_for_8_jobs(file) < 4
    assert lines(file) == [[str(number)] for number in range(8)]


def test_each_job_logs_its_outcome(start: Start, file: Path) -> None:
    worker = start()
    job = enqueue("tests.write", path=str(file), text="done")
    until(lambda: any(line.get("job_id") == str(job.pk) for line in worker.logged()), "the outcome is logged")
    (line,) = (line for line in worker.logged() if line.get("job_id") == str(job.pk))
    assert line["operation"] == "tests.write"
    assert line["code"] == "DONE"
    assert line["attempt"] == 1
    assert line["level"] == "INFO"
    assert line["duration_ms"] > 0


def test_stopping_worker_finishes_its_jobs_and_claims_no_more(start: Start, file: Path) -> None:
    worker = start()
    held = hold(file)
    worker.send_signal(signal.SIGTERM)
    until(lambda: "Claiming no more jobs" in worker.output_text, "it stops")
    other = enqueue("tests.write", path=str(file), text="later")
    let_go(file)
    assert worker.exit_code() == 0
    assert is_done(held)
    assert Job.objects.get(pk=other.pk).attempts == 0


def test_a_second_signal_ends_at_once(start: Start, file: Path) -> None:
    worker = start()
    held = hold(file)
    worker.send_signal(signal.SIGINT)
    until(lambda: "Claiming no more jobs" in worker.output_text, "it stops")
    worker.send_signal(signal.SIGINT)
    assert worker.exit_code() == 1
    assert Job.objects.get(pk=held.pk).state == "running", "until its lease ends"


def test_jobs_beyond_the_grace_are_cut(start: Start, file: Path) -> None:
    worker = start("--grace", "0.2")
    hold(file)
    worker.send_signal(signal.SIGTERM)
    assert worker.exit_code() == 1
    assert "another worker will run them again" in worker.output_text


def test_a_living_worker_keeps_its_job_and_a_killed_one_loses_it(start: Start, file: Path) -> None:
    first = start()
    held = hold(file)
    second = start()
    claimed = lease_of(held)
    until(lambda: lease_of(held) > claimed, "the lease is renewed", seconds=LEASE_SECONDS)
    assert lines(file) == [["held", str(first.process.pid)]]
    first.kill()
    shorten_leases(seconds=3)
    killed = time.monotonic()
    until(lambda: len(lines(file)) == 2, "the job is taken over")
    assert time.monotonic() > killed + 2, "the other worker waits for the end of the lease"
    assert lines(file)[1] == ["held", str(second.process.pid)]
    let_go(file)
    until(lambda: is_done(held), "it is done")
    assert Job.objects.get(pk=held.pk).attempts == 2


def test_worker_stopped_past_its_lease_stores_nothing(start: Start, file: Path) -> None:
    first = start()
    held = hold(file)
    second = start()
    first.send_signal(signal.SIGSTOP)
    shorten_leases(seconds=1)
    until(lambda: len(lines(file)) == 2, "the job is taken over")
    let_go(file)
    until(lambda: is_done(held), "it is done")
    done = Job.objects.get(pk=held.pk)
    first.send_signal(signal.SIGCONT)
    until(lambda: outcomes(first, held), "the first worker has gone on")
    assert (outcomes(first, held), outcomes(second, held)) == (["LEASE_LOST"], ["DONE"])
    after = Job.objects.get(pk=held.pk)
    assert (after.ended_at, after.attempts, after.state) == (done.ended_at, 2, "done")


def test_worker_runs_only_as_many_jobs_as_threads(start: Start, file: Path) -> None:
    start("--threads", "2")
    jobs = [enqueue("tests.write_and_wait", path=str(file), text="held") for _ in range(3)]
    until(lambda: len(lines(file)) == 2, "two run")
    assert sorted(Job.objects.values_list("attempts", flat=True)) == [0, 1, 1]
    let_go(file)
    until(lambda: all(map(is_done, jobs)), "all are done")


def test_slow_jobs_leave_threads_to_others(start: Start, file: Path) -> None:
    start("--threads", "2")
    slow = [enqueue("tests.write_slowly", path=str(file), text="slow") for _ in range(3)]
    until(lambda: len(lines(file)) == 1, "one of them runs")
    assert seconds_for_8_jobs(file) < 4
    assert sorted(Job.objects.filter(slow=True).values_list("attempts", flat=True)) == [0, 0, 1]
    let_go(file)
    until(lambda: all(map(is_done, slow)), "all are done")


def test_a_key_with_many_slow_jobs_does_not_hold_up_another(start: Start, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    Path(f"{other}.end").touch()
    many = [enqueue("tests.write_slowly", fairness_key="many", path=str(file), text="long") for _ in range(4)]
    start("--threads", "4")
    until(lambda: len(lines(file)) == 1, "one of the many runs")
    one = enqueue("tests.write_slowly", fairness_key="one", path=str(other), text="short")
    until(lambda: is_done(one), "the other one is done")
    assert len(lines(file)) == 1, "no second one of the many was begun meanwhile"
    let_go(file)
    until(lambda: all(map(is_done, many)), "the many are done")


def test_stopping_worker_releases_slow_jobs_at_once(start: Start, file: Path) -> None:
    first = start()
    job = enqueue("tests.write_slowly", path=str(file), text="slow")
    until(lambda: len(lines(file)) == 1, "the job runs")
    second = start()
    first.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert first.exit_code() == 0
    until(lambda: len(lines(file)) == 2, "the other has it", seconds=LEASE_SECONDS - 2)
    assert lines(file)[1] == ["slow", str(second.process.pid)]
    assert time.monotonic() < began + LEASE_SECONDS, "nobody waited for the lease"
    let_go(file)
    until(lambda: is_done(job), "it is done")


def test_worker_survives_lost_connections(start: Start, file: Path) -> None:
    worker = start()
    until(lambda: connections_of_others() > 0, "the worker is connected")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    job = enqueue("tests.write", path=str(file), text="done")
    until(lambda: is_done(job), "it is done")
    assert worker.process.poll() is None
    assert seconds_for_8_jobs(file) < 4, "it listens again"


@pytest.mark.parametrize(
    "arguments", [["--threads", "0"], ["--threads", "many"], ["--slow-threads", "0"], ["--grace", "long"]]
)
def test_invalid_options_are_reported(arguments: list[str]) -> None:
    worker = Worker(*arguments, whole_start=True)
    try:
        assert worker.exit_code() == 2
        assert arguments[0] in worker.output_text
        assert "Traceback" not in worker.output_text
    finally:
        worker.end()


def connections_of_others() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        (count,) = cursor.fetchone()
        return int(count)
