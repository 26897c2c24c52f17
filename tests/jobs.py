"""Jobs and mails as tests see them."""

import re
from email.message import EmailMessage, Message
from typing import Any

from django.core import mail

from core.jobs import rows
from core.jobs.worker import perform
from core.models import Job


def run_jobs() -> int:
    """Runs every job that is due, in this thread and transaction, as the worker does; gives how many."""
    count = 0
    while claimed := rows.claim(10):
        for job in claimed:
            perform(job)
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
    return str(part.get_content())
