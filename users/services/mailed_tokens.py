"""Tokens that are mailed to a user: made when the mail is sent, good for one use."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from core.errors import invalid
from core.mail_addresses import canonical_or_as_sent
from users import tokens
from users.models import MailedToken, TokenPurpose, User

LIFETIMES = {
    TokenPurpose.VERIFY_EMAIL: timedelta(hours=24),
    TokenPurpose.RESET_PASSWORD: timedelta(hours=1),
    TokenPurpose.CHANGE_EMAIL: timedelta(hours=24),
}


def issue(user: User, purpose: TokenPurpose, job_id: UUID) -> str | None:
    """The token for the mail that this job sends; an older one is void from now on.

    Returns:
        None if there is nothing to send: a newer one was asked for, this one was used, or the user was deleted.
    """
    with transaction.atomic():
        if User.objects.select_for_update().filter(pk=user.pk).first() is None:
            return None
        held = user.mailed_tokens.filter(purpose=purpose).first()
        if held and (held.pk > job_id or (held.pk == job_id and held.used_at)):
            return None
        if held:
            held.delete()
        return _keep(user, purpose, job_id, user.email)


def announce(user: User, purpose: TokenPurpose, job_id: UUID, email: str) -> None:
    """Keep the token that this job is going to mail to this address; an older one of the purpose is void from now on.

    For what is decided when it is asked for. The user's row is locked by the caller.
    """
    user.mailed_tokens.filter(purpose=purpose).delete()
    _keep(user, purpose, job_id, email)


def announced(user: User, job_id: UUID) -> MailedToken | None:
    """Return what `announce` kept for this job, unless it was used, replaced or made void since."""
    return user.mailed_tokens.filter(pk=job_id, used_at=None, expires_at__gt=timezone.now()).first()


def owner(token: str, purpose: TokenPurpose) -> User:
    """Whose token this is.

    Raises:
        ValidationError: it is not good: unknown, used, expired, void, or mailed to an address the user no longer has.
    """
    return _held(token, [purpose]).user


def use(token: str, *purposes: TokenPurpose) -> MailedToken:
    """Use the token up, which is of one of these purposes: the one time that is possible.

    The user's row is locked until the transaction ends.

    Raises:
        ValidationError: as `owner`.
    """
    # The user first, as everybody who writes both.
    User.objects.select_for_update().filter(pk=_held(token, purposes).user_id).first()
    held = _held(token, purposes)
    held.user.mailed_tokens.filter(purpose=held.purpose).update(used_at=timezone.now())
    return held


def revoke_all(user: User, *purposes: TokenPurpose) -> None:
    """Makes the user's tokens useless: the password or the address that they were asked for is no more.

    Args:
        purposes: which tokens; none = all.
    """
    held = user.mailed_tokens.filter(used_at=None)
    (held.filter(purpose__in=purposes) if purposes else held).update(used_at=timezone.now())


def refused() -> ValidationError:
    """What is said of every token that is not good."""
    return invalid("token", "invalid", "This token is not valid: it is used, expired or replaced; ask for a new one.")


def prune() -> int:
    """Deletes those that are good for nothing any more; gives how many."""
    deleted, _ = MailedToken.objects.filter(expires_at__lt=timezone.now()).delete()
    return deleted


def _keep(user: User, purpose: TokenPurpose, job_id: UUID, email: str) -> str:
    token = tokens.mailed_token(job_id)
    MailedToken.objects.create(
        pk=job_id,
        user=user,
        purpose=purpose,
        token_hash=tokens.hash_of(token),
        email=email,
        expires_at=timezone.now() + LIFETIMES[purpose],
    )
    return token


def _held(token: str, purposes: Collection[TokenPurpose]) -> MailedToken:
    rows = MailedToken.objects.select_related("user").filter(purpose__in=purposes)
    held = rows.filter(token_hash=tokens.hash_of(token)).first()
    if held is None or held.used_at or held.expires_at <= timezone.now():
        raise refused()
    if held.purpose != TokenPurpose.CHANGE_EMAIL and held.email != canonical_or_as_sent(held.user.email):
        raise refused()
    return held
