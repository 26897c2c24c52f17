"""The table of jobs: leases, attempts and outcomes."""

import logging
import random
from collections import Counter
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from django.db import Error, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from core.jobs import MAX_ATTEMPTS, LeaseLost, PermanentFailure, Reschedule, fair_queue, find, notify_workers
from core.models import Job

logger = logging.getLogger(__name__)

#: How long a job stays with a worker that does not renew its lease.
LEASE_SECONDS = 12
FIRST_PAUSE_SECONDS = 2.0
MAX_PAUSE_SECONDS = 900.0
MAX_ERROR_LENGTH = 1000
DONE_RETENTION = timedelta(days=7)
FAILED_RETENTION = timedelta(days=90)

_LEASE = timedelta(seconds=LEASE_SECONDS)
_DIED = "Each worker that ran the job ended before it was done."


def claim(
    limit: int,
    max_slow: int | None = None,
    *,
    running: Collection[Job] = (),
    max_per_key: int | None = None,
    max_live: int = 0,
) -> list[Job]:
    """Claim up to this many jobs that are due: quick ones by when they were due, slow ones by their turns.

    Args:
        max_slow: how many of them may be slow ones; None = all.
        running: the jobs that this worker runs already.
        max_per_key: how many slow jobs of one fairness key this worker may run at once, `running` included; None =
            any number.
        max_live: how many live ones may be claimed besides.
    """
    with transaction.atomic():
        due = _due_quick(limit)
        due += _due_slow(limit if max_slow is None else min(limit, max_slow), running, max_per_key)
        due = sorted(due, key=lambda job: (job.next_try_at, job.pk))[:limit] + _due_live(max_live)
        # The workers of these have died: a worker that reports a failure ends the job with its last attempt.
        hopeless = [job for job in due if job.attempts >= job.max_attempts]
        taken = [job for job in due if job not in hopeless]
        if due:
            ids = [job.pk for job in due]
            Job.objects.filter(pk__in=ids).update(attempts=F("attempts") + 1, lease_until=Now() + _LEASE)
    for job in due:
        job.attempts += 1
    for job in hopeless:
        try:
            _give_up(job, _DIED, None)
        except Error:
            # The job is due again when its lease has expired; the other claimed jobs must run now.
            logger.warning("Job %s could not be marked as failed; it will be tried again.", job, exc_info=True)
    return taken


def _due_quick(limit: int) -> list[Job]:
    """Return up to `limit` quick jobs that are due, locked; skip those that another worker is claiming."""
    if not limit:
        return []
    return list(_due(slow=False).order_by("next_try_at", "id")[:limit])


def _due_slow(limit: int, running: Collection[Job], max_per_key: int | None) -> list[Job]:
    """Return up to `limit` slow jobs that are due, by turns, locked, and no more of a key than may run."""
    due: list[Job] = []
    of_key = Counter(job.fairness_key for job in running if job.slow and job.fairness_key)
    while len(due) < limit:
        full = [key for key, count in of_key.items() if max_per_key is not None and count >= max_per_key]
        free = _due(slow=True).exclude(pk__in=[job.pk for job in due]).exclude(fairness_key__in=full)
        job = free.order_by("turn", "next_try_at", "id").first()
        if job is None:
            break
        due.append(job)
        if job.fairness_key:
            of_key[job.fairness_key] += 1
    if due:
        fair_queue.serve(max(job.turn for job in due))
    return due


def _due_live(limit: int) -> list[Job]:
    """Return up to `limit` live jobs that are due, locked."""
    return list(_due(slow=True, live=True).order_by("next_try_at", "id")[:limit]) if limit else []


def _due(*, slow: bool, live: bool = False) -> QuerySet[Job]:
    waiting = Job.objects.filter(Q(lease_until=None) | Q(lease_until__lte=Now()), ended_at=None, slow=slow, live=live)
    return waiting.filter(next_try_at__lte=Now()).select_for_update(skip_locked=True)


def renew_lease(job: Job, *, made_progress: bool = False) -> None:
    """Renew the lease of a job; see `core.jobs.Attempt.renew_lease`."""
    anew = {"max_attempts": job.attempts + MAX_ATTEMPTS} if made_progress else {}
    _update_held(job, lease_until=Now() + _LEASE, **anew)


def is_held(job: Job) -> bool:
    """Return whether this attempt still holds the lease."""
    return _held(job).exists()


def release(job: Job, why: Reschedule) -> None:
    """Release the lease of a rescheduled job; this attempt does not count.

    If it is due at once, workers are notified. It keeps its turn, so it is not put behind the jobs that wait.

    Raises:
        LeaseLost: another attempt has begun.
    """
    put_off = {"next_try_at": Now() + timedelta(seconds=why.seconds)} if why.seconds else {}
    with transaction.atomic():
        _update_held(job, lease_until=None, max_attempts=F("max_attempts") + 1, **put_off)
        if not why.seconds:
            notify_workers()


def keep(jobs: Collection[Job]) -> None:
    """Renew the leases of these jobs, except of those whose rows are locked.

    The attempt that locks a row is renewing its lease itself, and a wait for it could let the other leases expire.
    """
    if not jobs:
        return
    held = Q(*(Q(pk=job.pk, attempts=job.attempts) for job in jobs), _connector=Q.OR)
    with transaction.atomic():
        free = Job.objects.filter(held, ended_at=None).select_for_update(skip_locked=True)
        Job.objects.filter(pk__in=list(free.values_list("pk", flat=True))).update(lease_until=Now() + _LEASE)


def note_success(job: Job) -> None:
    """Mark the job as done. Delete its arguments, which may name people and are no longer needed.

    Raises:
        LeaseLost: another attempt has begun.
    """
    _update_held(job, ended_at=Now(), lease_until=None, arguments={}, last_error="")


def note_failure(job: Job, why: Exception) -> bool:
    """Record a failed attempt: the job is retried after a pause, or fails permanently.

    Returns:
        Whether it is retried.

    Raises:
        LeaseLost: another attempt has begun.
    """
    error = f"{type(why).__name__}: {why}".replace("\0", "")[:MAX_ERROR_LENGTH]
    left = _max_attempts(job) - job.attempts
    if isinstance(why, PermanentFailure) or left <= 0:
        if not _give_up(job, error, why):
            raise LeaseLost(f"Another attempt of job {job} has begun.")
        return False
    # Only failures that count make the pause longer: not reschedules, nor failures before the last progress.
    next_try_at = Now() + timedelta(seconds=pause(max(1, MAX_ATTEMPTS - left)))
    _update_held(job, next_try_at=next_try_at, lease_until=None, last_error=error)
    return True


def pause(failures: int) -> float:
    """Return the seconds until the next attempt after so many failures: exponential backoff with jitter."""
    doubled: float = FIRST_PAUSE_SECONDS * 2 ** min(failures - 1, 30)
    return min(doubled, MAX_PAUSE_SECONDS) * random.uniform(0.75, 1.25)  # noqa: S311


def retry(jobs: QuerySet[Job]) -> int:
    """Retry those of the jobs that failed permanently, with as many attempts as new ones; return how many."""
    with transaction.atomic():
        count = jobs.filter(failed=True).update(
            failed=False, ended_at=None, next_try_at=Now(), max_attempts=F("attempts") + MAX_ATTEMPTS
        )
        notify_workers()
    return count


def prune() -> int:
    """Delete the jobs that ended long ago; return how many."""
    done = Q(failed=False, ended_at__lt=Now() - DONE_RETENTION)
    failed = Q(failed=True, ended_at__lt=Now() - FAILED_RETENTION)
    deleted, _ = Job.objects.filter(done | failed).delete()
    return deleted


def _update_held(job: Job, **values: Any) -> None:
    if not _held(job).update(**values):
        raise LeaseLost(f"Another attempt of job {job} has begun.")


def _held(job: Job) -> QuerySet[Job]:
    """Return the row if this attempt still holds the lease: a worker that stalled beyond its lease changes nothing."""
    return Job.objects.filter(pk=job.pk, attempts=job.attempts, ended_at=None)


def _max_attempts(job: Job) -> int:
    """Return the current limit of attempts in the row; an attempt that makes progress raises it."""
    return _held(job).values_list("max_attempts", flat=True).first() or job.max_attempts


def _give_up(job: Job, error: str, why: Exception | None) -> bool:
    """Mark the job as failed permanently, and call its `on_failure` in the same transaction.

    Returns:
        Whether this attempt still held the lease; if not, nothing is changed.
    """
    try:
        with transaction.atomic():
            if not _end_failed(job, error):
                return False
            if on_failure := _failure_handler(job.kind):
                on_failure(why, **job.arguments)
    except Error:
        raise
    except Exception:
        logger.exception("Job %s has failed permanently, and its failure handler has failed too.", job)
        return bool(_end_failed(job, error))
    return True


def _end_failed(job: Job, error: str) -> int:
    return _held(job).update(failed=True, ended_at=Now(), lease_until=None, last_error=error)


def _failure_handler(kind: str) -> Callable[..., None] | None:
    try:
        return find(kind).on_failure
    except LookupError:  # A job of another version of the application.
        return None
