"""Background jobs: enqueued in the caller's transaction, run at least once, recovered when a worker dies.

A service calls `enqueue` in the transaction of its effect, so the job exists exactly if the effect is committed. Its
function is in the app's `jobs` module, marked with `job`. It runs at least once: if a worker dies, another runs the job
again, so a repeated effect must be recognizable as the same one.

A job that takes minutes or hours is marked `slow`. It works in small transactions, checks in each that it still holds
the lease (`Attempt.renew_lease`), and stops at the next safe point when the worker is stopping (`Attempt.stopping`).

Slow jobs take turns by their `fairness_key` (see `fair_queue`), so that a caller with many of them does not delay those
of others.

`store` keeps the table, `worker` runs the jobs that are due.
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
from core.observability.traces import traceparent

#: How often a job is tried; with the pauses of `store.pause` the attempts take about four hours.
MAX_ATTEMPTS = 25
#: The channel of PostgreSQL's LISTEN that notifies workers.
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
    """Raised by a job if a retry cannot succeed."""


class Reschedule(Exception):
    """Raised by a job that releases its lease: any worker may run it again, and this attempt does not count.

    Args:
        seconds: until the next attempt; 0 = at once.
    """

    def __init__(self, seconds: float = 0) -> None:
        super().__init__(f"Rescheduled in {seconds:.1f} s.")
        self.seconds = seconds


class LeaseLost(Exception):
    """The job's lease has expired, and another attempt is running: this one must not write any more."""


class Attempt(Protocol):
    """The running attempt of a job, as the job sees it."""

    @property
    def stopping(self) -> bool:
        """Return whether the worker is stopping. A slow job then raises `Reschedule` at its next safe point."""
        ...

    @property
    def is_ours(self) -> bool:
        """Return whether this attempt still holds the lease. For a job that is not writing; see `renew_lease`."""
        ...

    def renew_lease(self, *, made_progress: bool = False) -> None:
        """Renew the lease, and hold it until the running transaction ends.

        Args:
            made_progress: the job has progressed further than any earlier attempt, so attempts are counted anew.

        Raises:
            LeaseLost: another attempt holds the lease.
        """
        ...


#: The attempt of the job that runs in this thread.
running_attempt: ContextVar[Attempt] = ContextVar("attempt")


def attempt() -> Attempt:
    """Return the attempt that is running in this thread. A job that starts threads passes it to them."""
    return running_attempt.get()


@overload
def job(function: JobFunction) -> JobFunction: ...
@overload
def job(*, slow: bool = ..., on_failure: Callable[..., None] | None = ...) -> Callable[[JobFunction], JobFunction]: ...
def job(
    function: JobFunction | None = None, *, slow: bool = False, on_failure: Callable[..., None] | None = None
) -> JobFunction | Callable[[JobFunction], JobFunction]:
    """Declare a function of an app's `jobs` module as a job: `function(job_id, **arguments)`.

    The id is the same in each attempt.

    Args:
        slow: the job may take minutes or hours. Such jobs leave threads of the worker to others, and end early when the
            worker stops.
        on_failure: `on_failure(why, **arguments)`, called in the transaction in which the job fails permanently. `why`
            is what its last attempt raised, or None if the worker died in it.
    """

    def mark(function: JobFunction) -> JobFunction:
        _DECLARED[function] = JobType(function, slow, on_failure)
        return function

    return mark if function is None else mark(function)


def enqueue(kind: str, *, fairness_key: str = "", live: bool = False, **arguments: Any) -> Job:
    """Enqueue a job. It becomes visible on commit; workers are then notified.

    Args:
        kind: e.g. `users.send_verification`, the function of that name in `users.jobs`.
        fairness_key: the party that a slow job is for, e.g. the owner's id; slow jobs of different keys take turns.
        live: of a slow job, start it at once, in one of the threads that workers have for such jobs; see `end_live`.
        arguments: values that JSON can hold, without secrets.

    Raises:
        LookupError: there is no such job.
    """
    job_type = find(kind)
    new = Job(
        kind=kind,
        arguments=arguments,
        slow=job_type.slow,
        live=live,
        fairness_key=fairness_key,
        request_id=request_id.get(),
        traceparent=traceparent(),
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


def end_live(kind: str, **arguments: Any) -> None:
    """Make a live job a slow one like others: no person waits for it any more. If it runs, when it is run again."""
    Job.objects.filter(kind=kind, arguments=arguments, live=True, ended_at=None).update(live=False)
    notify_workers()


def notify_workers() -> None:
    """Notify the workers once the running transaction is committed.

    A notification within it would make the commit take a lock that all such transactions share, until it is flushed.
    """
    # Robust, because a lost notification does no harm: workers also poll.
    transaction.on_commit(_notify, robust=True)


def find(kind: str) -> JobType:
    """Return the type of jobs of this kind.

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
