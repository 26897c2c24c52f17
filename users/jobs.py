"""Jobs of the worker that send mails to users."""

from datetime import datetime
from uuid import UUID

from django.conf import settings

from core import mail
from core.jobs import job
from users import queries, tokens
from users.models import TokenPurpose, User
from users.services import mailed_tokens


@job
def send_verification(job_id: UUID, *, user_id: str) -> None:
    """Mail the token that verifies the user's e-mail address, unless it is verified or the account is closed."""
    user = User.objects.filter(pk=user_id).first()
    if user is not None and not user.email_verified:
        _send_token(job_id, user, TokenPurpose.VERIFY_EMAIL, "verify_email", "Confirm your e-mail address")


@job
def send_password_reset(job_id: UUID, *, email: str) -> None:
    """Mail the token that resets the password of the account with this e-mail, if there is one and it is open."""
    user = queries.find_by_email(email)
    if user is not None:
        _send_token(job_id, user, TokenPurpose.RESET_PASSWORD, "reset_password", "Reset your password")


@job
def send_password_changed(job_id: UUID, *, user_id: str, at: str) -> None:
    """Notify the user that the password was changed.

    No preference disables this mail, because an intruder could set that preference.
    """
    user = User.objects.filter(pk=user_id).first()
    if user is not None:
        _notify(job_id, "password_changed", "Your password was changed", user, user.email, at)


@job
def send_email_change(job_id: UUID, *, user_id: str) -> None:
    """Mail the token that confirms a user's new address. If another account has that address, notify it instead."""
    user = User.objects.filter(pk=user_id).first()
    if user is None or not user.is_active:
        return
    token_row = mailed_tokens.announced(user, job_id)
    if token_row is None:
        return
    if User.objects.filter(email=token_row.email).exists():
        mail.send("email_taken", job_id=job_id, to=token_row.email, subject="Your e-mail address has an account")
        mailed_tokens.revoke_all(user, TokenPurpose.CHANGE_EMAIL)
        return
    _mail_token(job_id, token_row.email, "", "verify_email", "Confirm your e-mail address")


@job
def send_email_change_notice(job_id: UUID, *, user_id: str, email: str, at: str) -> None:
    """Notify the user, at the current address, that a change of the account's address was requested."""
    user = User.objects.filter(pk=user_id).first()
    if user is not None:
        _notify(job_id, "email_change", "A new e-mail address for your account", user, email, at)


@job
def send_email_changed(job_id: UUID, *, user_id: str, email: str, at: str) -> None:
    """Notify the user, at the former address, that the address was changed, even if the account is closed."""
    user = User.objects.filter(pk=user_id).first()
    if user is not None:
        _notify(job_id, "email_changed", "Your e-mail address was changed", user, email, at)


def _send_token(job_id: UUID, user: User, purpose: TokenPurpose, template: str, subject: str) -> None:
    if not user.is_active or user.is_service:
        return
    if mailed_tokens.issue(user, purpose, job_id) is not None:
        _mail_token(job_id, user.email, _name_at(user, user.email), template, subject)


def _mail_token(job_id: UUID, to: str, name: str, template: str, subject: str) -> None:
    token = tokens.mailed_token(job_id)
    page = template.replace("_", "-")
    # The token is in the fragment, which browsers send to no server, so it reaches no log and no Referer.
    link = f"{settings.PUBLIC_URL}/{page}#token={token}" if settings.PUBLIC_URL else ""
    mail.send(template, job_id=job_id, to=to, subject=subject, name=name, token=token, link=link)


def _notify(job_id: UUID, template: str, subject: str, user: User, to: str, at: str) -> None:
    name, moment = _name_at(user, to), datetime.fromisoformat(at)
    mail.send(template, job_id=job_id, to=to, subject=subject, name=name, at=moment)


def _name_at(user: User, address: str) -> str:
    """Return the name to greet at this address; empty unless the user has confirmed the address.

    The name is free text. A caller could otherwise use it to send a message to the address of a stranger.
    """
    return user.display_name if user.email_verified and user.email == address else ""
