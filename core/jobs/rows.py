"""The rows of the jobs: who has which one until when, and what came of it."""

import random
from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from core.jobs import MOST_ATTEMPTS, GiveUp, ring
from core.models import Job

#: How long a job of a worker that says nothing more stays its own.
LEASE_SECONDS = 12
FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 900.0
LONGEST_ERROR = 1000
DONE_KEPT_FOR = timedelta(days=7)
FAILED_KEPT_FOR = timedelta(days=90)

_LEASE = timedelta(seconds=LEASE_SECONDS)
_DIED = "Each worker that had it ended in the middle of it."


def claim(most: int) -> list[Job]:
    """Takes up to this many jobs that are due, those first that are due for longest."""
    with transaction.atomic():
        waiting = Job.objects.filter(Q(lease_until=None) | Q(lease_until__lte=Now()), ended_at=None)
        due = list(
            waiting.filter(next_try_at__lte=Now())
            .order_by("next_try_at", "id")
            .select_for_update(skip_locked=True)[:most]
        )
        # Where a worker could say what went wrong, the last try has ended the job.
        hopeless = [job.pk for job in due if job.attempts >= job.most_attempts]
        if hopeless:
            Job.objects.filter(pk__in=hopeless).update(failed=True, ended_at=Now(), lease_until=None, last_error=_DIED)
        taken = [job for job in due if job.pk not in hopeless]
        if taken:
            ids = [job.pk for job in taken]
            Job.objects.filter(pk__in=ids).update(attempts=F("attempts") + 1, lease_until=Now() + _LEASE)
    for job in taken:
        job.attempts += 1
    return taken


def keep(jobs: Collection[Job]) -> None:
    """Puts off the end of their leases."""
    for job in jobs:
        _held(job).update(lease_until=Now() + _LEASE)


def note_success(job: Job) -> None:
    """Notes that it is done. Its arguments, which may name people, are needed no more."""
    _held(job).update(ended_at=Now(), lease_until=None, arguments={}, last_error="")


def note_failure(job: Job, why: Exception) -> bool:
    """Notes that it went wrong: it is tried again after a pause, or given up.

    Returns:
        Whether it is tried again.
    """
    told = f"{type(why).__name__}: {why}".replace("\0", "")[:LONGEST_ERROR]
    if isinstance(why, GiveUp) or job.attempts >= job.most_attempts:
        _held(job).update(failed=True, ended_at=Now(), lease_until=None, last_error=told)
        return False
    next_try_at = Now() + timedelta(seconds=pause(job.attempts))
    _held(job).update(next_try_at=next_try_at, lease_until=None, last_error=told)
    return True


def pause(attempts: int) -> float:
    """Seconds from the failure of this attempt to the next: twice as long each time, and not for all at once."""
    doubled: float = FIRST_PAUSE_SECONDS * 2 ** min(attempts - 1, 30)
    return min(doubled, LONGEST_PAUSE_SECONDS) * random.uniform(0.75, 1.25)  # noqa: S311


def retry(jobs: QuerySet[Job]) -> int:
    """Has those that were given up tried again, as often as new ones; gives how many."""
    with transaction.atomic():
        again = jobs.filter(failed=True).update(
            failed=False, ended_at=None, next_try_at=Now(), most_attempts=F("attempts") + MOST_ATTEMPTS
        )
        ring()
    return again


def prune() -> int:
    """Deletes those that ended long ago; gives how many."""
    done = Q(failed=False, ended_at__lt=Now() - DONE_KEPT_FOR)
    failed = Q(failed=True, ended_at__lt=Now() - FAILED_KEPT_FOR)
    deleted, _ = Job.objects.filter(done | failed).delete()
    return deleted


def _held(job: Job) -> QuerySet[Job]:
    """The row, if it is still this try's: a worker that was away for longer than its lease changes nothing."""
    return Job.objects.filter(pk=job.pk, attempts=job.attempts, ended_at=None)
