"""Tokens that are mailed to a user: made when the mail is sent, good for one use."""

from datetime import timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from core.errors import invalid
from users import tokens
from users.models import MailedToken, TokenPurpose, User

LIFETIMES = {TokenPurpose.VERIFY_EMAIL: timedelta(hours=24), TokenPurpose.RESET_PASSWORD: timedelta(hours=1)}


def issue(user: User, purpose: TokenPurpose, job_id: UUID) -> str | None:
    """The token for the mail that this job sends; an older one is void from now on.

    Returns:
        None if there is nothing to send: a newer one was asked for, or this one was used.
    """
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        held = user.mailed_tokens.filter(purpose=purpose).first()
        if held and (held.pk > job_id or (held.pk == job_id and held.used_at)):
            return None
        if held:
            held.delete()
        token = tokens.mailed_token(job_id)
        MailedToken.objects.create(
            pk=job_id,
            user=user,
            purpose=purpose,
            token_hash=tokens.hash_of(token),
            email=user.email,
            expires_at=timezone.now() + LIFETIMES[purpose],
        )
        return token


def owner(token: str, purpose: TokenPurpose) -> User:
    """Whose token this is.

    Raises:
        ValidationError: it is not good: unknown, used, expired, void, or mailed to an address the user no longer has.
    """
    held = MailedToken.objects.select_related("user").filter(token_hash=tokens.hash_of(token), purpose=purpose).first()
    if held is None or held.used_at or held.expires_at <= timezone.now() or held.email != held.user.email:
        raise refused()
    return held.user


def use(token: str, purpose: TokenPurpose) -> User:
    """Uses the token up: the one time that is possible. The user's row is locked until the transaction ends.

    Raises:
        ValidationError: as `owner`.
    """
    # The user first, as everybody who writes both.
    User.objects.select_for_update().filter(pk=owner(token, purpose).pk).first()
    user = owner(token, purpose)
    user.mailed_tokens.filter(purpose=purpose).update(used_at=timezone.now())
    return user


def void(user: User) -> None:
    """Makes the user's tokens useless: the password or the address that they were asked for is no more."""
    user.mailed_tokens.filter(used_at=None).update(used_at=timezone.now())


def refused() -> ValidationError:
    """What is said of every token that is not good."""
    return invalid("token", "invalid", "This token is not valid: it is used, expired or replaced; ask for a new one.")


def prune() -> int:
    """Deletes those that are good for nothing any more; gives how many."""
    deleted, _ = MailedToken.objects.filter(expires_at__lt=timezone.now()).delete()
    return deleted
