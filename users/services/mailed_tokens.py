"""Tokens that are mailed to a user, derived when the mail is sent and valid for one use."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from core.db import clock
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
    """Issue the token for the mail that this job sends, and revoke older ones of the purpose.

    Returns:
        The token; None if no mail is needed: a newer token was requested, this one was used, or the user was deleted.
    """
    with transaction.atomic():
        if User.objects.select_for_update().filter(pk=user.pk).first() is None:
            return None
        row = user.mailed_tokens.filter(purpose=purpose).first()
        if row and (row.pk > job_id or (row.pk == job_id and row.used_at)):
            return None
        if row:
            row.delete()
        return _keep(user, purpose, job_id, user.email)


def announce(user: User, purpose: TokenPurpose, job_id: UUID, email: str) -> None:
    """Store the token that this job will mail to this address, and revoke older ones of the purpose.

    It is for addresses that are fixed at the request. The caller must have locked the user's row.
    """
    user.mailed_tokens.filter(purpose=purpose).delete()
    _keep(user, purpose, job_id, email)


def announced(user: User, job_id: UUID) -> MailedToken | None:
    """Return the token that `announce` stored for this job, unless it was used, replaced or revoked since."""
    return user.mailed_tokens.filter(pk=job_id, used_at=None, expires_at__gt=clock.now()).first()


def owner(token: str, purpose: TokenPurpose) -> User:
    """Return the user of this token.

    Raises:
        ValidationError: the token is unknown, used, expired, revoked, or was mailed to a former address of the user.
    """
    return _find(token, [purpose]).user


def use(token: str, *purposes: TokenPurpose) -> MailedToken:
    """Use up a token of one of these purposes, and lock the user's row until the transaction ends.

    Raises:
        ValidationError: as `owner`.
    """
    # The user's row is locked first, as in all services that write both rows.
    User.objects.select_for_update().filter(pk=_find(token, purposes).user_id).first()
    row = _find(token, purposes)
    row.user.mailed_tokens.filter(purpose=row.purpose).update(used_at=clock.now())
    return row


def revoke_all(user: User, *purposes: TokenPurpose) -> None:
    """Revoke the user's tokens, because the password or address that they were requested for has changed.

    Args:
        purposes: of the tokens to revoke; empty = all.
    """
    rows = user.mailed_tokens.filter(used_at=None)
    (rows.filter(purpose__in=purposes) if purposes else rows).update(used_at=clock.now())


def invalid_token() -> ValidationError:
    """Return the error for every token that is not valid."""
    return invalid("token", "invalid", "This token was used, has expired or was replaced; request a new one.")


def prune() -> int:
    """Delete expired tokens, and return how many there were."""
    deleted, _ = MailedToken.objects.filter(expires_at__lt=clock.now()).delete()
    return deleted


def _keep(user: User, purpose: TokenPurpose, job_id: UUID, email: str) -> str:
    token = tokens.mailed_token(job_id)
    MailedToken.objects.create(
        pk=job_id,
        user=user,
        purpose=purpose,
        token_hash=tokens.hash_of(token),
        email=email,
        expires_at=clock.now() + LIFETIMES[purpose],
    )
    return token


def _find(token: str, purposes: Collection[TokenPurpose]) -> MailedToken:
    rows = MailedToken.objects.select_related("user").filter(purpose__in=purposes)
    row = rows.filter(token_hash=tokens.hash_of(token)).first()
    if row is None or row.used_at or row.expires_at <= clock.now():
        raise invalid_token()
    if row.purpose != TokenPurpose.CHANGE_EMAIL and row.email != canonical_or_as_sent(row.user.email):
        raise invalid_token()
    return row
