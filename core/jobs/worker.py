"""The worker: claims jobs that are due, runs them in threads, and renews their leases.

One thread, that of the listener, claims jobs and renews their leases. It sleeps until PostgreSQL notifies, a job ends
or `POLL_SECONDS` have passed, so a lost notification delays a job by a second, and a lost connection loses no job. The
main thread waits for signals.
"""

import logging
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from queue import Empty, SimpleQueue
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import Error

from core import context, jobs
from core.db.listener import NotificationListener
from core.db.outages import is_database_away
from core.db.thread_connections import fresh_connections
from core.jobs import CHANNEL, LeaseLost, PermanentFailure, Reschedule, fair_queue, find, metrics, store
from core.models import Job
from core.observability.traces import traced

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = store.LEASE_SECONDS / 3


class Worker:
    """Runs jobs until it receives a signal.

    Args:
        threads: how many jobs it runs at once.
        slow_threads: how many of these may be slow.
        live_threads: how many live ones it runs besides.
    """

    def __init__(self, threads: int, slow_threads: int, live_threads: int = 0) -> None:
        self._threads = threads
        self._slow_threads = slow_threads
        self._live_threads = live_threads
        self._pool = ThreadPoolExecutor(threads + live_threads, thread_name_prefix="job")
        # By id and attempt: after a long sleep of the machine, a job may run again here beside its lost attempt. The
        # thread of a job removes it; all else is done by one thread.
        self._running: dict[tuple[UUID, int], Job] = {}
        self._signals = 0
        self._kept_at = time.monotonic()
        self._listener = NotificationListener("jobs", channel=CHANNEL, poll_seconds=POLL_SECONDS, step=self._step)
        # Receives an item at each signal and at the end of each job. Signal handlers may use no other queue.
        self._events: SimpleQueue[None] = SimpleQueue()

    def run(self, grace_seconds: float) -> bool:
        """Run the jobs that are due until SIGTERM or SIGINT; then claim no more, and wait for the running ones. Slow
        jobs see `stopping`, and reschedule themselves.

        Returns:
            Whether all running jobs have ended; False after `grace_seconds`, or a second signal. Their threads are
            still running then.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        self._listener.start()
        while not self._signals:
            self._events.get()
        until = time.monotonic() + grace_seconds
        self._listener.stop()
        logger.info("Claiming no more jobs; waiting for %d running jobs.", len(self._running))
        while self._running and self._signals < 2 and time.monotonic() < until:
            try:
                with fresh_connections():
                    self._keep()
            except Error as exc:
                logger.warning("The leases cannot be renewed; trying again.", exc_info=exc)
            with suppress(Empty):
                self._events.get(timeout=min(POLL_SECONDS, max(0.0, until - time.monotonic())))
        self._pool.shutdown(wait=not self._running)
        return not self._running

    def _signalled(self, number: int, frame: Any) -> None:
        self._signals += 1
        self._events.put(None)

    def _is_stopping(self) -> bool:
        return self._signals > 0

    def _step(self, was_woken: bool) -> None:
        self._keep()
        every = list(self._running.values())
        running = [job for job in every if not job.live]
        free = self._threads - len(running)
        free_live = self._live_threads - (len(every) - len(running))
        if not (free or free_live) or self._is_stopping():
            return
        free_slow = max(0, self._slow_threads - sum(job.slow for job in running))
        max_per_key = fair_queue.max_per_key(self._slow_threads)
        claimed = store.claim(free, free_slow, running=running, max_per_key=max_per_key, max_live=free_live)
        for job in claimed:
            if self._is_stopping():  # The signal came while the database was slow to answer.
                store.release(job, Reschedule())
                continue
            self._running[job.pk, job.attempts] = job
            self._pool.submit(self._run, job)

    def _keep(self) -> None:
        if time.monotonic() >= self._kept_at + HEARTBEAT_SECONDS:
            store.keep(list(self._running.values()))
            self._kept_at = time.monotonic()

    def _run(self, job: Job) -> None:
        try:
            with fresh_connections():
                run_job(job, self._is_stopping)
        except Exception:
            # The job has run, but its outcome is not stored, so it is tried again when its lease has expired.
            logger.exception("The outcome of job %s could not be stored.", job)
        finally:
            del self._running[job.pk, job.attempts]
            self._events.put(None)
            self._listener.wake()


class _Attempt:
    """The implementation of `core.jobs.Attempt`."""

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
    """Run a claimed job, store its outcome, and log it.

    Args:
        stopping: returns whether the worker is stopping.
    """
    token = context.request_id.set(job.request_id)
    running = jobs.running_attempt.set(_Attempt(job, stopping))
    began = time.perf_counter()
    try:
        with metrics.running.labels(job.kind).track_inprogress(), _span(job):
            code, failure = _outcome(job)
    except LeaseLost:
        _log(job, "LEASE_LOST", began)
    else:
        _log(job, code, began, failure)
    finally:
        jobs.running_attempt.reset(running)
        context.request_id.reset(token)


def _span(job: Job) -> AbstractContextManager[Any]:
    """Return a span around the attempt, in the trace of the call that enqueued the job."""
    if not settings.TRACING:
        return nullcontext()
    carrier = {"traceparent": job.traceparent} if job.traceparent else None
    return traced(
        job.kind, kind="CONSUMER", carrier=carrier, attributes={"job.id": str(job.pk), "job.attempt": job.attempts}
    )


def _outcome(job: Job) -> tuple[str, Exception | None]:
    """Run the job and store its outcome. Return the code of its log line, and its failure.

    Raises:
        LeaseLost: another attempt has begun, so this one stored nothing.
    """
    try:
        find(job.kind).function(job.pk, **job.arguments)
    except LeaseLost:
        raise
    except Reschedule as exc:
        store.release(job, exc)
        return "RESCHEDULED", None
    except Exception as exc:
        is_retried = store.note_failure(job, exc)
        return "RETRY" if is_retried else "FAILED", exc
    store.note_success(job)
    return "DONE", None


def _log(job: Job, code: str, began: float, exc: Exception | None = None) -> None:
    seconds = time.perf_counter() - began
    metrics.ended.labels(job.kind, code).inc()
    metrics.seconds.labels(job.kind).observe(seconds)
    fields = {
        "request_id": job.request_id,
        "operation": job.kind,
        "job_id": str(job.pk),
        "attempt": job.attempts,
        "code": code,
        "duration_ms": round(seconds * 1000, 3),
    }
    level = logging.INFO
    if exc is not None:
        # The full text, which may name people, is only in the row.
        fields["reason"] = type(exc).__name__
        level = logging.WARNING if code == "RETRY" else logging.ERROR
    # Errors of other servers are not faults of this one; any other error needs a traceback.
    is_fault = exc is not None and not isinstance(exc, OSError | PermanentFailure) and not is_database_away(exc)
    logger.log(level, "%s %s", job.kind, code, extra={"call": fields}, exc_info=exc if is_fault else None)
