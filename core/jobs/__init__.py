"""Jobs: what is done after a write, by the worker, and not lost whoever dies.

A service calls `enqueue` in the transaction of its effect, so the job exists exactly when the effect is committed. What
does it is a function in the app's room `jobs`, marked with `job`. It runs at least once: a worker that dies in the
middle is followed by another, so whoever sees the effect must be able to tell that it is the same one.

What takes minutes or hours is marked `slow`. It works in small transactions, asks in each of them whether the job is
still its own (`Attempt.renew_lease`), and stops at the next safe point when the worker is told to end
(`Attempt.stopping`).

Slow jobs take turns by their `fairness_key` (see `turns`), so that a caller with many of them does not hold up the
others.

`rows` keeps the table, `worker` runs what is due.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, overload

from django.db import connection, transaction
from django.utils.module_loading import import_string

from core.context import request_id
from core.jobs import fair_queue
from core.models import Job

#: How often something is tried; with the pauses of `store.pause` that is over about four hours.
MAX_ATTEMPTS = 25
#: Where workers are woken up (PostgreSQL's LISTEN).
CHANNEL = "tandem_jobs"

JobFunction = TypeVar("JobFunction", bound=Callable[..., None])


@dataclass(frozen=True, slots=True)
class JobType:
    """A function that runs as a job, with its options; see `job`."""

    function: Callable[..., None]
    slow: bool
    on_failure: Callable[..., None] | None


_DECLARED: dict[Callable[..., None], JobType] = {}


class PermanentFailure(Exception):
    """Raised by a job where trying again cannot help."""


class Reschedule(Exception):
    """Raised by a job that gives its row back: it is tried again, here or elsewhere, and this try does not count.

    Args:
        seconds: after so many; 0 = at once.
    """

    def __init__(self, seconds: float = 0) -> None:
        super().__init__(f"Again in {seconds:.1f} s.")
        self.seconds = seconds


class LeaseLost(Exception):
    """The job's lease ended, and another try of it is running: this one writes nothing more."""


class Attempt(Protocol):
    """The try of a job that is running, as the job sees it."""

    @property
    def stopping(self) -> bool:
        """Return whether the worker is about to end. A slow job then raises `Reschedule` at its next safe point."""
        ...

    @property
    def is_ours(self) -> bool:
        """Return whether this attempt still holds the lease. For a job that writes nothing now; see `renew_lease`."""
        ...

    def renew_lease(self, *, made_progress: bool = False) -> None:
        """Makes sure that the job is still this try's, until the running transaction ends; renews the lease.

        Args:
            further: the job has got further than any try before, so tries are counted anew.

        Raises:
            NotOurs
        """
        ...


#: Of the job that runs in this thread.
_attempt: ContextVar[Attempt] = ContextVar("attempt")


def attempt() -> Attempt:
    """The try that is running in this thread. A job that starts threads hands it on."""
    return _attempt.get()


@overload
def job(function: JobFunction) -> JobFunction: ...
@overload
def job(*, slow: bool = ..., on_failure: Callable[..., None] | None = ...) -> Callable[[JobFunction], JobFunction]: ...
def job(
    function: JobFunction | None = None, *, slow: bool = False, on_failure: Callable[..., None] | None = None
) -> JobFunction | Callable[[JobFunction], JobFunction]:
    """Marks a function of an app's `jobs` as what a job may run: `function(job_id, **arguments)`.

    The id is the same each time the job is tried.

    Args:
        slow: it may take minutes or hours. Such jobs leave threads of the worker to others, and end early when asked.
        on_failure: `on_failure(why, **arguments)`, called in the transaction in which the job is given up. `why`
            is what its last attempt raised, or None if that ended with its worker.
    """

    def mark(function: JobFunction) -> JobFunction:
        _DECLARED[function] = JobType(function, slow, on_failure)
        return function

    return mark if function is None else mark(function)


def enqueue(kind: str, *, fairness_key: str = "", **arguments: Any) -> Job:
    """Has `kind` done once the running transaction is committed; workers are then woken up.

    Args:
        kind: e.g. `users.send_verification`, the function of that name in `users.jobs`.
        fairness_key: for whom a slow job is done, e.g. the owner's id; slow jobs of different keys take turns.
        arguments: what JSON can hold, and no secret.

    Raises:
        LookupError: there is no such job.
    """
    job_type = find(kind)
    new = Job(
        kind=kind,
        arguments=arguments,
        slow=job_type.slow,
        fairness_key=fairness_key,
        request_id=request_id.get(),
        max_attempts=MAX_ATTEMPTS,
    )
    if new.slow:
        with transaction.atomic():
            new.turn = fair_queue.next_turn(fairness_key)
            new.save(force_insert=True)
    else:
        new.save(force_insert=True)
    notify_workers()
    return new


def notify_workers() -> None:
    """Wakes the workers up once the running transaction is committed.

    Not within it: a transaction that has notified takes a lock that all of them share, until it is flushed.
    """
    # Nobody need hear it: workers also look by themselves.
    transaction.on_commit(_notify, robust=True)


def find(kind: str) -> JobType:
    """Return what jobs of this kind run.

    Raises:
        LookupError: there is no such job.
    """
    app, _, name = kind.partition(".")
    try:
        function: Callable[..., None] = import_string(f"{app}.jobs.{name}")
    except ImportError as exc:
        raise LookupError(f"There is no job {kind}.") from exc
    if function not in _DECLARED:
        raise LookupError(f"{kind} is not marked as a job.")
    return _DECLARED[function]


def _notify() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")
