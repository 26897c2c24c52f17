"""E-mail addresses: verified by a mailed token."""

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from changes.services import acting
from core import auth, rate_limits
from core.errors import invalid
from core.jobs import enqueue
from core.models import save_clean
from users import policies, queries, tokens
from users.models import Status, TokenPurpose, User
from users.services import mailed_tokens

TOO_MANY_MAILS = "Too many mails were asked for; try again later."


def verify_email(actor: Any, user_id: str) -> bool:
    """Has a mail with a token sent that verifies the user's e-mail address; older tokens are then void.

    Returns:
        Whether one is sent: none is while the address is verified, or the account closed.

    Raises:
        User.DoesNotExist, PermissionDenied
        RateLimited: too many for this account.
    """
    user = get_user_to_verify(actor, user_id)
    if user.email_verified or not user.is_active:
        return False
    limit_mails(user)
    with transaction.atomic():
        request_verification(user)
    return True


def get_user_to_verify(actor: Any, user_id: str) -> User:
    """Return the user, for actors who may have the user's e-mail address verified.

    Raises:
        User.DoesNotExist, PermissionDenied
    """
    user = queries.get_user(actor, user_id)
    if not policies.may_have_verified(actor, user):
        raise PermissionDenied("You may not have this user's e-mail address verified.")
    return user


def confirm_email_verification(token: str) -> User:
    """Notes that the e-mail address is verified which this token was mailed to; an account that waited is active.

    A new address that waited for it takes the old one's place, which gets a notice.

    Raises:
        ValidationError: the token is missing or not good.
        AlreadyExists: another account has the new address by now.
    """
    if not token:
        raise invalid("token", "required", "Token is required.")
    with transaction.atomic():
        held = mailed_tokens.use(token, TokenPurpose.VERIFY_EMAIL, TokenPurpose.CHANGE_EMAIL)
        user = held.user
        if held.purpose == TokenPurpose.CHANGE_EMAIL:
            return _change_email(user, held.email)
        status = Status.ACTIVE if user.status == Status.PENDING_VERIFICATION else user.status
        with acting(user, "email verification"):
            save_clean(user, email_verified=True, status=status, also={"updated_by": user})
            auth.forget(user.pk)
    return user


def canonical_email(email: str) -> str | None:
    """Return the address in the form in which it is kept; None if no account can have it."""
    try:
        return str(User._meta.get_field("email").clean(email, None))
    except ValidationError:
        return None


def request_email_change(user: User, email: str) -> None:
    """Have the new address confirmed by a mail to it, and the old one sent a notice; the account stays as it is.

    A change that was asked for before, and the mails that verify the old address, are then void. Whether another
    account has the address, the job finds out, so that neither the answer nor its time shows it.

    Args:
        user: with its row locked.
        email: as `canonical_email` returned it.

    Raises:
        RateLimited: too many for this account, or to this address.
    """
    limit_mails(user)
    rate_limits.take(
        "email change",
        tokens.hash_of(email).hex(),
        limit=settings.MAILS_PER_ACCOUNT,
        seconds=3600,
        message=TOO_MANY_MAILS,
    )
    mailed_tokens.revoke_all(user, TokenPurpose.VERIFY_EMAIL)
    job = enqueue("users.send_email_change", user_id=str(user.pk))
    mailed_tokens.announce(user, TokenPurpose.CHANGE_EMAIL, job.pk, email)
    enqueue("users.send_email_change_notice", user_id=str(user.pk), email=user.email, at=timezone.now().isoformat())


def cancel_email_change(user: User) -> None:
    """Make a change of address that waits for its confirmation void."""
    mailed_tokens.revoke_all(user, TokenPurpose.CHANGE_EMAIL)


def limit_mails(user: User) -> None:
    """Counts one more verification of this account.

    Raises:
        RateLimited
    """
    rate_limits.take(
        "verification", str(user.pk), limit=settings.MAILS_PER_ACCOUNT, seconds=3600, message=TOO_MANY_MAILS
    )


def request_verification(user: User) -> None:
    """Has the mail sent, within the running transaction's fate."""
    enqueue("users.send_verification", user_id=str(user.pk))


def _change_email(user: User, email: str) -> User:
    if not user.is_active or user.is_service:
        raise mailed_tokens.refused()
    before = user.email
    status = Status.ACTIVE if user.status == Status.PENDING_VERIFICATION else user.status
    with acting(user, "email verification"):
        save_clean(user, email=email, email_verified=True, status=status, also={"updated_by": user})
        mailed_tokens.revoke_all(user)
        auth.forget(user.pk)
        enqueue("users.send_email_changed", user_id=str(user.pk), email=before, at=timezone.now().isoformat())
    return user
