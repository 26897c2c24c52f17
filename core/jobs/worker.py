"""The worker: takes jobs that are due, runs them in threads, and holds them by leases.

One thread, that of `Worker.run`, takes jobs, keeps their leases and hears signals; it sleeps until PostgreSQL notifies,
a job ends, a signal comes or `POLL_SECONDS` have passed. So a lost notification costs a second, and a lost connection
no job.
"""

import logging
import os
import select
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import Error, connection

from core import context, jobs
from core.db.thread_connections import fresh_connections
from core.errors import is_database_away
from core.jobs import CHANNEL, LeaseLost, PermanentFailure, Reschedule, fair_queue, find, store
from core.models import Job

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = store.LEASE_SECONDS / 3


class Worker:
    """Runs jobs until a signal comes.

    Args:
        threads: how many it runs at once.
        slow_threads: how many of them may be slow ones.
    """

    def __init__(self, threads: int, slow_threads: int) -> None:
        self._threads = threads
        self._slow_threads = slow_threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="job")
        # By id and attempt: after a long sleep of the machine, a job may be tried again here beside its lost try.
        # Whoever runs a job takes it out; the rest is the business of one thread.
        self._running: dict[tuple[UUID, int], Job] = {}
        self._signals = 0
        self._kept_at = time.monotonic()
        self._listening_on: Any = None
        self._waked, self._wake = os.pipe()
        os.set_blocking(self._waked, False)
        os.set_blocking(self._wake, False)

    def run(self, grace_seconds: float) -> bool:
        """Runs what is due until SIGTERM or SIGINT; then takes nothing more, and waits for what runs. Slow jobs hear of
        it, and give themselves back.

        Returns:
            Whether all that ran has ended; False after the grace, or a second signal. The threads are still there then.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        while not self._signals:
            self._take()
            self._sleep(listening=True)
        logger.info("Taking no more jobs; %d are running.", len(self._running))
        until = time.monotonic() + grace_seconds
        while self._running and self._signals < 2 and time.monotonic() < until:
            self._keep()
            self._sleep(listening=False)
        self._pool.shutdown(wait=not self._running)
        return not self._running

    def _signalled(self, number: int, frame: Any) -> None:
        self._signals += 1

    def _take(self) -> None:
        self._keep()
        running = list(self._running.values())
        free = self._threads - len(running)
        if not free:
            return
        try:
            with fresh_connections():
                free_slow = max(0, self._slow_threads - sum(job.slow for job in running))
                max_per_key = fair_queue.max_per_key(self._slow_threads)
                claimed = store.claim(free, free_slow, running=running, max_per_key=max_per_key)
        except Error as exc:
            _tell_of_database(exc)
            return
        for job in claimed:
            self._running[job.pk, job.attempts] = job
            self._pool.submit(self._run, job)

    def _keep(self) -> None:
        if time.monotonic() < self._kept_at + HEARTBEAT_SECONDS:
            return
        self._kept_at = time.monotonic()
        try:
            with fresh_connections():
                store.keep(list(self._running.values()))
        except Error as exc:
            _tell_of_database(exc)

    def _run(self, job: Job) -> None:
        try:
            with fresh_connections():
                run_job(job, lambda: self._signals > 0)
        except Exception:
            # It has run; what came of it could not be noted, so it will be tried again when its lease has ended.
            logger.exception("Job %s: its end could not be noted.", job)
        finally:
            del self._running[job.pk, job.attempts]
            self._ring()

    def _ring(self) -> None:
        with suppress(BlockingIOError):  # Full: it is being woken up already.
            os.write(self._wake, b".")

    def _sleep(self, *, listening: bool) -> None:
        try:
            hearing = self._listen() if listening else []
        except Error as exc:
            _tell_of_database(exc)
            hearing = []
        if hearing and self._was_notified():
            return
        select.select([self._waked, *hearing], [], [], POLL_SECONDS)
        with suppress(BlockingIOError):  # It was the database, or the time.
            os.read(self._waked, 4096)
        if hearing:
            self._was_notified()

    def _listen(self) -> list[Any]:
        """The connection to wait on, which is told when there are new jobs."""
        connection.ensure_connection()
        if connection.connection is not self._listening_on:
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            self._listening_on = connection.connection
        return [self._listening_on]

    def _was_notified(self) -> bool:
        """Return whether the connection has heard of new jobs since it was last asked."""
        try:
            with connection.wrap_database_errors:
                self._listening_on.poll()
        except Error as exc:
            _tell_of_database(exc)
            connection.close()
            return False
        heard = bool(self._listening_on.notifies)
        self._listening_on.notifies.clear()
        return heard


class _Attempt:
    """See `core.jobs.Attempt`."""

    def __init__(self, job: Job, stopping: Callable[[], bool]) -> None:
        self._job = job
        self._stopping = stopping

    @property
    def stopping(self) -> bool:
        return self._stopping()

    @property
    def is_ours(self) -> bool:
        return store.is_held(self._job)

    def renew_lease(self, *, made_progress: bool = False) -> None:
        store.renew_lease(self._job, made_progress=made_progress)


def run_job(job: Job, stopping: Callable[[], bool] = lambda: False) -> None:
    """Runs a job that was claimed, notes what came of it, and tells so in a log line.

    Args:
        stopping: whether the worker is about to end.
    """
    token = context.request_id.set(job.request_id)
    running = jobs._attempt.set(_Attempt(job, stopping))
    began = time.perf_counter()
    try:
        find(job.kind).function(job.pk, **job.arguments)
    except Reschedule as exc:
        store.release(job, exc)
        _tell(job, "LATER", began)
    except LeaseLost:
        _tell(job, "NOT_OURS", began)
    except Exception as exc:
        again = store.note_failure(job, exc)
        _tell(job, "TRY_AGAIN" if again else "FAILED", began, exc)
    else:
        store.note_success(job)
        _tell(job, "DONE", began)
    finally:
        jobs._attempt.reset(running)
        context.request_id.reset(token)


def _tell(job: Job, code: str, began: float, exc: Exception | None = None) -> None:
    told = {
        "request_id": job.request_id,
        "operation": job.kind,
        "job_id": str(job.pk),
        "attempt": job.attempts,
        "code": code,
        "duration_ms": round((time.perf_counter() - began) * 1000, 3),
    }
    level = logging.INFO
    if exc is not None:
        # The whole text, which may name people, stands in the row.
        told["reason"] = type(exc).__name__
        level = logging.WARNING if code == "TRY_AGAIN" else logging.ERROR
    # What a server elsewhere refuses is no fault of ours; anything else wants looking into.
    surprising = exc is not None and not isinstance(exc, OSError | PermanentFailure) and not is_database_away(exc)
    logger.log(level, "%s %s", job.kind, code, extra={"call": told}, exc_info=exc if surprising else None)


def _tell_of_database(exc: Error) -> None:
    if is_database_away(exc):
        logger.warning("The database is away; trying again.")
    else:
        logger.error("The jobs' table cannot be read; trying again.", exc_info=exc)
