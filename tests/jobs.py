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
    """Runs every job that is due, in this thread and transaction, as the worker does; gives how many."""
    count = 0
    while claimed := store.claim(10):
        for one in claimed:
            run_job(one)
        count += len(claimed)
    return count


def mails() -> list[Any]:
    """The mails that the jobs send which are due; those from before are forgotten."""
    mail.outbox.clear()
    run_jobs()
    return list(mail.outbox)


def due(kind: str) -> list[Job]:
    """The jobs of this kind that are not done."""
    return list(Job.objects.filter(kind=kind, ended_at=None).order_by("id"))


def token_in(sent: Any) -> str:
    """The token in a mail: one that Django sent, or one as a mail server received it."""
    text = sent.body if not isinstance(sent, Message) else text_of(sent)
    (token,) = re.findall(r"^([A-Za-z0-9_-]{43})$", text, re.MULTILINE)
    return str(token)


def text_of(received: Message) -> str:
    """The plain text of a mail as a mail server received it."""
    assert isinstance(received, EmailMessage)
    part = received.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


# What the tests' own jobs do. They stand here because the kind `tests.write` is the function `write` in `tests.jobs`.


@job
def write(job_id: UUID, *, path: str, text: str) -> None:
    """Appends a line to a file."""
    with Path(path).open("a") as file:
        file.write(f"{text}\n")


@job
def write_and_wait(job_id: UUID, *, path: str, text: str) -> None:
    """Appends a line with the process's id to a file, and goes on until the file `<path>.end` is there."""
    write(job_id, path=path, text=f"{text} {os.getpid()}")
    while not Path(f"{path}.end").exists():
        time.sleep(0.02)


@job
def fail(job_id: UUID, *, why: str) -> None:
    """Goes wrong."""
    raise {"broken": ZeroDivisionError, "away": ConnectionError, "hopeless": PermanentFailure}[why]("It went wrong.")


@job(slow=True)
def write_slowly(job_id: UUID, *, path: str, text: str) -> None:
    """As `write_and_wait`, but a slow job, which ends early when it is asked to."""
    running = attempt()
    write(job_id, path=path, text=f"{text} {os.getpid()}")
    while not Path(f"{path}.end").exists():
        if running.stopping:
            raise Reschedule
        time.sleep(0.02)


@job
def put_off(job_id: UUID, *, seconds: float) -> None:
    """Gives itself back."""
    raise Reschedule(seconds)


@job
def lose(job_id: UUID, *, path: str, claims: int) -> None:
    """Asks whether it is still its own, and writes then; before that, others claim it."""
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
    """Goes wrong, and is told when it is given up."""
    raise PermanentFailure("It went wrong.")


def not_a_job(job_id: UUID) -> None:
    """Not marked."""
