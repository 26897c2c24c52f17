"""What the worker does for users: it mails."""

from datetime import datetime
from uuid import UUID

from django.conf import settings

from core import mail
from core.jobs import job
from users import queries
from users.models import TokenPurpose, User
from users.services import mailed_tokens


@job
def send_verification(job_id: UUID, *, user_id: str) -> None:
    """Mails the token that verifies the user's e-mail address, unless that is done or the account is closed."""
    user = User.objects.filter(pk=user_id).first()
    if user is not None and not user.email_verified:
        _send_token(job_id, user, TokenPurpose.VERIFY_EMAIL, "verify_email", "Confirm your e-mail address")


@job
def send_password_reset(job_id: UUID, *, email: str) -> None:
    """Mails the token that resets the password of this e-mail's account, if there is one and it is open."""
    user = queries.find_by_email(email)
    if user is not None:
        _send_token(job_id, user, TokenPurpose.RESET_PASSWORD, "reset_password", "Reset your password")


@job
def send_password_changed(job_id: UUID, *, user_id: str, at: str) -> None:
    """Tells the user that the password was changed. Not a matter of preference: whoever did it could unset that."""
    user = User.objects.filter(pk=user_id).first()
    if user is not None:
        _notify(job_id, "password_changed", "Your password was changed", user, user.email, at)


@job
def send_email_changed(job_id: UUID, *, user_id: str, email: str, at: str) -> None:
    """Tells the user, at the address that was theirs before, that it was changed; also of a closed account."""
    user = User.objects.filter(pk=user_id).first()
    if user is not None:
        _notify(job_id, "email_changed", "Your e-mail address was changed", user, email, at)


def _send_token(job_id: UUID, user: User, purpose: TokenPurpose, template: str, subject: str) -> None:
    if not user.is_active or user.is_service:
        return
    token = mailed_tokens.issue(user, purpose, job_id)
    if token is None:
        return
    page = template.replace("_", "-")
    # After the #: what stands there reaches no server, so no log and no Referer.
    link = f"{settings.PUBLIC_URL}/{page}#token={token}" if settings.PUBLIC_URL else ""
    mail.send(
        template,
        job_id=job_id,
        to=user.email,
        subject=subject,
        name=user.display_name,
        email=user.email,
        token=token,
        link=link,
    )


def _notify(job_id: UUID, template: str, subject: str, user: User, to: str, at: str) -> None:
    mail.send(
        template,
        job_id=job_id,
        to=to,
        subject=subject,
        name=user.display_name,
        email=to,
        at=datetime.fromisoformat(at),
    )
