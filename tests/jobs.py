"""Jobs and mails as tests see them."""

import os
import re
import time
from email.message import EmailMessage, Message
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core import mail
from django.db.models.functions import Now

from core.jobs import PermanentFailure, Reschedule, attempt, job, store
from core.jobs.worker import run_job
from core.models import Job


def run_jobs() -> int:
    """Run every job that is due, in this thread and transaction, as the worker does; return their number."""
    count = 0
    while claimed := store.claim(10):
        for one in claimed:
            run_job(one)
        count += len(claimed)
    return count


def mails() -> list[Any]:
    """Run the jobs that are due, and return the mails that they send."""
    mail.outbox.clear()
    run_jobs()
    return list(mail.outbox)


def due(kind: str) -> list[Job]:
    """Return the jobs of this kind that are not done."""
    return list(Job.objects.filter(kind=kind, ended_at=None).order_by("id"))


def token_in(sent: Any) -> str:
    """Return the token in a mail, as Django sent it or as a mail server received it."""
    text = sent.body if not isinstance(sent, Message) else text_of(sent)
    (token,) = re.findall(r"^([A-Za-z0-9_-]{43})$", text, re.MULTILINE)
    return str(token)


def text_of(received: Message) -> str:
    """Return the plain text of a mail that a mail server received."""
    assert isinstance(received, EmailMessage)
    part = received.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


# The jobs of the tests. They are here because the kind `tests.write` is the function `write` in `tests.jobs`.


@job
def write(job_id: UUID, *, path: str, text: str) -> None:
    """Append a line to a file."""
    with Path(path).open("a") as file:
        file.write(f"{text}\n")


@job
def write_and_wait(job_id: UUID, *, path: str, text: str) -> None:
    """Append a line with the id of the process to a file, and run until the file `<path>.end` exists."""
    write(job_id, path=path, text=f"{text} {os.getpid()}")
    while not Path(f"{path}.end").exists():
        time.sleep(0.02)


@job
def fail(job_id: UUID, *, why: str) -> None:
    """Fail."""
    raise {"broken": ZeroDivisionError, "away": ConnectionError, "hopeless": PermanentFailure}[why]("It went wrong.")


@job(slow=True)
def write_slowly(job_id: UUID, *, path: str, text: str) -> None:
    """Do the same as `write_and_wait`, as a slow job that ends early on request."""
    running = attempt()
    write(job_id, path=path, text=f"{text} {os.getpid()}")
    while not Path(f"{path}.end").exists():
        if running.stopping:
            raise Reschedule
        time.sleep(0.02)


@job
def put_off(job_id: UUID, *, seconds: float) -> None:
    """Reschedule itself."""
    raise Reschedule(seconds)


@job
def lose(job_id: UUID, *, path: str, claims: int) -> None:
    """Let others claim the job, check the lease, then write."""
    running = attempt()
    for _ in range(claims):
        Job.objects.update(lease_until=Now())
        store.claim(1)
    assert running.is_ours == (not claims)
    running.renew_lease(made_progress=True)
    write(job_id, path=path, text="held")


def _write_why(why: Exception | None, *, path: str, how: str) -> None:
    write(UUID(int=0), path=path, text=f"given up: {why}")
    if how == "broken":
        raise ZeroDivisionError


@job(on_failure=_write_why)
def fail_and_tell(job_id: UUID, *, path: str, how: str) -> None:
    """Fail, and record the final failure."""
    raise PermanentFailure("It went wrong.")


def not_a_job(job_id: UUID) -> None:
    """Lack the decorator of jobs."""
