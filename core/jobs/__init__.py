"""Jobs: what is done after a write, by the worker, and not lost whoever dies.

A service calls `enqueue` in the transaction of its effect, so the job exists exactly when the effect is committed. What
does it is a function in the app's room `jobs`, marked with `job`. It runs at least once: a worker that dies in the
middle is followed by another, so whoever sees the effect must be able to tell that it is the same one.

`rows` keeps the table, `worker` runs what is due.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connection, transaction
from django.utils.module_loading import import_string

from core.context import request_id
from core.models import Job

#: How often something is tried; with the pauses of `rows.pause` that is over about four hours.
MOST_ATTEMPTS = 25
#: Where workers are woken up (PostgreSQL's LISTEN).
CHANNEL = "tandem_jobs"

JobFunction = TypeVar("JobFunction", bound=Callable[..., None])


class GiveUp(Exception):
    """Raised by a job where trying again cannot help."""


def job(function: JobFunction) -> JobFunction:
    """Marks a function of an app's `jobs` as what a job may run: `function(job_id, **arguments)`.

    The id is the same each time the job is tried.
    """
    function.is_job = True  # type: ignore[attr-defined]
    return function


def enqueue(kind: str, **arguments: Any) -> Job:
    """Has `kind` done once the running transaction is committed; workers are then woken up.

    Args:
        kind: e.g. `users.send_verification`, the function of that name in `users.jobs`.
        arguments: what JSON can hold, and no secret.

    Raises:
        LookupError: there is no such job.
    """
    find(kind)
    new = Job.objects.create(kind=kind, arguments=arguments, request_id=request_id.get(), most_attempts=MOST_ATTEMPTS)
    ring()
    return new


def ring() -> None:
    """Wakes the workers up once the running transaction is committed.

    Not within it: a transaction that has notified takes a lock that all of them share, until it is flushed.
    """
    # Nobody need hear it: workers also look by themselves.
    transaction.on_commit(_notify, robust=True)


def find(kind: str) -> Callable[..., None]:
    """The function that does jobs of this kind.

    Raises:
        LookupError: there is none.
    """
    app, _, name = kind.partition(".")
    try:
        function: Callable[..., None] = import_string(f"{app}.jobs.{name}")
    except ImportError as exc:
        raise LookupError(f"There is no job {kind}.") from exc
    if not getattr(function, "is_job", False):
        raise LookupError(f"{kind} is not marked as a job.")
    return function


def _notify() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")
