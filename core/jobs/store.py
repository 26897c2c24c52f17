"""The rows of the jobs: who has which one until when, and what came of it."""

import logging
import random
from collections import Counter
from collections.abc import Callable, Collection
from datetime import timedelta

from django.db import Error, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from core.jobs import MAX_ATTEMPTS, LeaseLost, PermanentFailure, Reschedule, fair_queue, find, notify_workers
from core.models import Job

logger = logging.getLogger(__name__)

#: How long a job of a worker that says nothing more stays its own.
LEASE_SECONDS = 12
FIRST_PAUSE_SECONDS = 2.0
MAX_PAUSE_SECONDS = 900.0
MAX_ERROR_LENGTH = 1000
DONE_RETENTION = timedelta(days=7)
FAILED_RETENTION = timedelta(days=90)

_LEASE = timedelta(seconds=LEASE_SECONDS)
_DIED = "Each worker that had it ended in the middle of it."


def claim(
    limit: int,
    max_slow: int | None = None,
    *,
    running: Collection[Job] = (),
    max_per_key: int | None = None,
) -> list[Job]:
    """Claim up to this many jobs that are due: quick ones by when they were due, slow ones by their turns.

    Args:
        max_slow: how many of them may be slow ones; None = all.
        running: the jobs that this worker runs already.
        max_per_key: how many slow jobs of one fairness key this worker may run at once, `running` included; None =
            any number.
    """
    with transaction.atomic():
        due = _due_quick(limit)
        due += _due_slow(limit if max_slow is None else min(limit, max_slow), running, max_per_key)
        due = sorted(due, key=lambda job: (job.next_try_at, job.pk))[:limit]
        # Where a worker could say what went wrong, the last try has ended the job.
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
            # It is due again when its lease has ended; what was taken beside it is to be done now.
            logger.warning("Job %s could not be given up just now.", job, exc_info=True)
    return taken


def _due_quick(limit: int) -> list[Job]:
    """Return up to so many quick jobs that are due, locked; those that another worker is claiming are left out."""
    if not limit:
        return []
    return list(_due(slow=False).order_by("next_try_at", "id")[:limit])


def _due_slow(limit: int, running: Collection[Job], max_per_key: int | None) -> list[Job]:
    """Return up to so many slow jobs that are due, in their turns, locked, and no more of a key than may run."""
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


def _due(*, slow: bool) -> QuerySet[Job]:
    waiting = Job.objects.filter(Q(lease_until=None) | Q(lease_until__lte=Now()), ended_at=None, slow=slow)
    return waiting.filter(next_try_at__lte=Now()).select_for_update(skip_locked=True)


def renew_lease(job: Job, *, made_progress: bool = False) -> None:
    """See `core.jobs.Attempt.hold`."""
    anew = {"max_attempts": job.attempts + MAX_ATTEMPTS} if made_progress else {}
    if not _held(job).update(lease_until=Now() + _LEASE, **anew):
        raise LeaseLost(f"Another try of job {job} is running.")


def is_held(job: Job) -> bool:
    """Return whether the row is still this try's."""
    return _held(job).exists()


def release(job: Job, why: Reschedule) -> None:
    """Has it tried again when it said; this try does not count. At once means that others are told, and that it keeps
    its turn: what was begun is not put behind all that waits.
    """
    put_off = {"next_try_at": Now() + timedelta(seconds=why.seconds)} if why.seconds else {}
    with transaction.atomic():
        _held(job).update(lease_until=None, max_attempts=F("max_attempts") + 1, **put_off)
        if not why.seconds:
            notify_workers()


def keep(jobs: Collection[Job]) -> None:
    """Puts off the end of their leases. Waits for none: a row that is locked is being held by its own try, and the
    leases of the others would end meanwhile.
    """
    if not jobs:
        return
    ours = Q(*(Q(pk=job.pk, attempts=job.attempts) for job in jobs), _connector=Q.OR)
    with transaction.atomic():
        free = Job.objects.filter(ours, ended_at=None).select_for_update(skip_locked=True)
        Job.objects.filter(pk__in=list(free.values_list("pk", flat=True))).update(lease_until=Now() + _LEASE)


def note_success(job: Job) -> None:
    """Notes that it is done. Its arguments, which may name people, are needed no more."""
    _held(job).update(ended_at=Now(), lease_until=None, arguments={}, last_error="")


def note_failure(job: Job, why: Exception) -> bool:
    """Notes that it went wrong: it is tried again after a pause, or given up.

    Returns:
        Whether it is tried again.
    """
    told = f"{type(why).__name__}: {why}".replace("\0", "")[:MAX_ERROR_LENGTH]
    left = _max_attempts(job) - job.attempts
    if isinstance(why, PermanentFailure) or left <= 0:
        _give_up(job, told, why)
        return False
    # As many failures as count: neither waiting nor what came before it got further makes the pause longer.
    next_try_at = Now() + timedelta(seconds=pause(max(1, MAX_ATTEMPTS - left)))
    _held(job).update(next_try_at=next_try_at, lease_until=None, last_error=told)
    return True


def pause(failures: int) -> float:
    """Seconds from this failure in a row to the next try: twice as long each time, and not for all at once."""
    doubled: float = FIRST_PAUSE_SECONDS * 2 ** min(failures - 1, 30)
    return min(doubled, MAX_PAUSE_SECONDS) * random.uniform(0.75, 1.25)  # noqa: S311


def retry(jobs: QuerySet[Job]) -> int:
    """Has those that were given up tried again, as often as new ones; gives how many."""
    with transaction.atomic():
        again = jobs.filter(failed=True).update(
            failed=False, ended_at=None, next_try_at=Now(), max_attempts=F("attempts") + MAX_ATTEMPTS
        )
        notify_workers()
    return again


def prune() -> int:
    """Deletes those that ended long ago; gives how many."""
    done = Q(failed=False, ended_at__lt=Now() - DONE_RETENTION)
    failed = Q(failed=True, ended_at__lt=Now() - FAILED_RETENTION)
    deleted, _ = Job.objects.filter(done | failed).delete()
    return deleted


def _held(job: Job) -> QuerySet[Job]:
    """The row, if it is still this try's: a worker that was away for longer than its lease changes nothing."""
    return Job.objects.filter(pk=job.pk, attempts=job.attempts, ended_at=None)


def _max_attempts(job: Job) -> int:
    """As the row says now: who got further has raised it."""
    return _held(job).values_list("max_attempts", flat=True).first() or job.max_attempts


def _give_up(job: Job, told: str, why: Exception | None) -> None:
    """Ends it, and does in the same transaction what its kind does then."""
    try:
        with transaction.atomic():
            if _end_failed(job, told) and (on_failure := _given_up(job.kind)):
                on_failure(why, **job.arguments)
    except Error:
        raise
    except Exception:
        logger.exception("Job %s is given up, but what belongs to that could not be done.", job)
        _end_failed(job, told)


def _end_failed(job: Job, told: str) -> int:
    return _held(job).update(failed=True, ended_at=Now(), lease_until=None, last_error=told)


def _given_up(kind: str) -> Callable[..., None] | None:
    try:
        return find(kind).on_failure
    except LookupError:  # Of another version of the product.
        return None
