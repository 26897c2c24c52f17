"""Mail: sent by jobs, as text and HTML, from templates."""

import smtplib
from email.utils import parseaddr
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from core.jobs import PermanentFailure
from core.mail_addresses import canonical, canonical_sender


def send(template: str, *, job_id: UUID, to: str, subject: str, **context: Any) -> None:
    """Sends `mail/<template>.txt` and `.html` to one address.

    The Message-ID is the job's, so a mail that is sent again (a worker died between the mail server's yes and its own
    note of it) can be known as the same one.

    Raises:
        GiveUp: the mail server refuses this mail for good, or the address is none that mail can be sent to.
        OSError: it could not be sent just now; smtplib's errors are among these.
    """
    context["subject"] = subject
    try:
        # In ASCII: of other letters, Django would make the name of another domain or mailbox.
        recipient = canonical(to)
    except ValidationError as exc:
        raise PermanentFailure(f"No mail can be sent to this address: {exc.messages[0]}") from exc
    message = EmailMultiAlternatives(
        subject,
        render_to_string(f"mail/{template}.txt", context),
        canonical_sender(settings.DEFAULT_FROM_EMAIL),
        to=[recipient],
        headers={"Message-ID": message_id(job_id), "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string(f"mail/{template}.html", context), "text/html")
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as exc:
        if all(code >= 500 for code, _ in exc.recipients.values()):
            raise PermanentFailure(f"The mail server refuses the address: {exc}") from exc
        raise
    except smtplib.SMTPDataError as exc:
        if exc.smtp_code >= 500:
            raise PermanentFailure(f"The mail server refuses the mail: {exc}") from exc
        raise


def message_id(job_id: UUID) -> str:
    """RFC 5322's Message-ID of the mail that this job sends."""
    domain = parseaddr(canonical_sender(settings.DEFAULT_FROM_EMAIL))[1].rpartition("@")[2] or "localhost"
    return f"<{job_id}@{domain}>"
