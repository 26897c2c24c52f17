"""E-mail addresses: verified by a mailed token."""

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction

from changes.services import acting
from core import auth, limits
from core.errors import invalid
from core.jobs import enqueue
from core.models import save_clean
from users import policies, queries
from users.models import Status, TokenPurpose, User
from users.services import mailed_tokens


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

    Raises:
        ValidationError: the token is missing or not good.
    """
    if not token:
        raise invalid("token", "required", "Token is required.")
    with transaction.atomic():
        user = mailed_tokens.use(token, TokenPurpose.VERIFY_EMAIL)
        status = Status.ACTIVE if user.status == Status.PENDING_VERIFICATION else user.status
        with acting(user, "email verification"):
            save_clean(user, email_verified=True, status=status, also={"updated_by": user})
            auth.forget(user.pk)
    return user


def limit_mails(user: User) -> None:
    """Counts one more verification of this account.

    Raises:
        RateLimited
    """
    message = "Too many mails were asked for; try again later."
    limits.take("verification", str(user.pk), most=settings.MAILS_PER_ACCOUNT, seconds=3600, message=message)


def request_verification(user: User) -> None:
    """Has the mail sent, within the running transaction's fate."""
    enqueue("users.send_verification", user_id=str(user.pk))
