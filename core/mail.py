"""E-mail, sent by jobs as text and HTML from templates."""

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
    """Send `mail/<template>.txt` and `.html` to one address.

    The Message-ID is the job's, so a mail that is sent twice (a worker died after the mail server accepted the mail,
    and before the job was marked as done) can be recognized.

    Raises:
        PermanentFailure: the mail server rejects this mail permanently, or the address is not valid.
        OSError: the mail could not be sent; a retry may succeed. smtplib's errors are among these.
    """
    context["subject"] = subject
    try:
        # In ASCII: Django would convert other letters to the name of another domain or mailbox.
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
    """Return the Message-ID (RFC 5322) of the mail that this job sends."""
    domain = parseaddr(canonical_sender(settings.DEFAULT_FROM_EMAIL))[1].rpartition("@")[2] or "localhost"
    return f"<{job_id}@{domain}>"
