"""Services that verify and change e-mail addresses by mailed tokens."""

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from changes.services import acting
from core import auth, rate_limits
from core.actors import Actor
from core.db.saving import save_clean
from core.errors import invalid
from core.jobs import enqueue
from users import policies, queries, tokens
from users.models import Status, TokenPurpose, User
from users.services import mailed_tokens

TOO_MANY_MAILS = "Too many mails were requested; try again later."


def verify_email(actor: Actor, user_id: str) -> bool:
    """Enqueue a mail with a token that verifies the user's e-mail address; it makes older tokens void.

    Returns:
        Whether a mail is sent; False if the address is already verified or the account is closed.

    Raises:
        User.DoesNotExist, PermissionDenied
        RateLimited: too many mails for this account.
    """
    user = get_user_to_verify(actor, user_id)
    if user.email_verified or not user.is_active:
        return False
    limit_mails(user)
    with transaction.atomic():
        request_verification(user)
    return True


def get_user_to_verify(actor: Actor, user_id: str) -> User:
    """Return the user, for actors that may request the verification of the user's e-mail address.

    Raises:
        User.DoesNotExist, PermissionDenied
    """
    user = queries.get_user(actor, user_id)
    if not policies.may_have_verified(actor, user):
        raise PermissionDenied("You may not request the verification of this user's e-mail address.")
    return user


def confirm_email_verification(token: str) -> User:
    """Mark the e-mail address that this token was mailed to as verified, and activate a pending account.

    If the token confirms a pending change, the new address replaces the former one, which gets a notice.

    Raises:
        ValidationError: the token is missing or not valid.
        AlreadyExists: another account has the new address since the request.
    """
    if not token:
        raise invalid("token", "required", "Token is required.")
    with transaction.atomic():
        token_row = mailed_tokens.use(token, TokenPurpose.VERIFY_EMAIL, TokenPurpose.CHANGE_EMAIL)
        user = token_row.user
        if token_row.purpose == TokenPurpose.CHANGE_EMAIL:
            return _change_email(user, token_row.email)
        status = Status.ACTIVE if user.status == Status.PENDING_VERIFICATION else user.status
        with acting(user, "email verification"):
            save_clean(user, email_verified=True, status=status, also={"updated_by": user})
            auth.forget(user.pk)
    return user


def canonical_email(email: str) -> str | None:
    """Return the address in the form in which it is stored; None if it is not a valid address."""
    try:
        return str(User._meta.get_field("email").clean(email, None))
    except ValidationError:
        return None


def request_email_change(user: User, email: str) -> None:
    """Enqueue a mail to the new address that asks for confirmation, and a notice to the current one.

    The account does not change. An earlier pending change, and tokens that verify the current address, become void.
    The job checks whether another account has the address, so that neither the response nor its duration reveals it.

    Args:
        user: with its row locked.
        email: as `canonical_email` returned it.

    Raises:
        RateLimited: too many mails for this account, or to this address.
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
    """Revoke a pending change of the address."""
    mailed_tokens.revoke_all(user, TokenPurpose.CHANGE_EMAIL)


def limit_mails(user: User) -> None:
    """Count one more mail of this account.

    Raises:
        RateLimited: too many mails within an hour.
    """
    rate_limits.take(
        "verification", str(user.pk), limit=settings.MAILS_PER_ACCOUNT, seconds=3600, message=TOO_MANY_MAILS
    )


def request_verification(user: User) -> None:
    """Enqueue the verification mail. It is sent only if the current transaction commits."""
    enqueue("users.send_verification", user_id=str(user.pk))


def _change_email(user: User, email: str) -> User:
    if not user.is_active or user.is_service:
        raise mailed_tokens.invalid_token()
    before = user.email
    status = Status.ACTIVE if user.status == Status.PENDING_VERIFICATION else user.status
    with acting(user, "email verification"):
        save_clean(user, email=email, email_verified=True, status=status, also={"updated_by": user})
        mailed_tokens.revoke_all(user)
        auth.forget(user.pk)
        enqueue("users.send_email_changed", user_id=str(user.pk), email=before, at=timezone.now().isoformat())
    return user
