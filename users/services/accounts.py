"""Changes of accounts: their fields, roles, status and preferences, and their logins."""

from typing import Any

from django.db import connection
from django.utils import timezone

from changes.services import acting, forget
from core import auth, idempotency
from core.actors import Actor
from core.db.fields import checked_line
from core.db.integrity import deleting
from core.db.saving import save_clean
from core.errors import Conflict
from core.jobs import enqueue
from core.preconditions import ANY_VERSION, ExpectedVersion
from users import policies, queries
from users.models import OPEN_ACCOUNT_STATUSES, Role, Status, User
from users.services import mailed_tokens
from users.services.creation import check_may_administer
from users.services.permissions import check_may_change, check_may_take_over
from users.services.verification import (
    cancel_email_change,
    canonical_email,
    limit_mails,
    request_email_change,
    request_verification,
)

MAX_REASON_LENGTH = 1000
# An arbitrary number that no other advisory lock uses.
_ADMINISTRATORS_LOCK = 7_305_001


def update_user(
    actor: Actor,
    user_id: str,
    fields: dict[str, Any],
    *,
    expected_version: ExpectedVersion = ANY_VERSION,
    with_profile: bool = True,
    with_credentials: bool = True,
) -> User:
    """Set these fields of `User`; other fields do not change.

    If users change their own e-mail address, it does not change until they confirm the new one by a mail to it. An
    administrator changes an address at once; it is then unverified. Both addresses get a mail. Either change replaces
    one that is still pending.

    Args:
        with_profile: whether the caller's credential has the scope `policies.PROFILE`; without it, only
            `policies.CREDENTIAL_FIELDS` may change.
        with_credentials: whether it has the scope `policies.CREDENTIALS`; without it, none of these fields may change.

    Raises:
        User.DoesNotExist, PermissionDenied, Stale, ValidationError, AlreadyExists
        Conflict: the change would remove the last administrator.
        RateLimited: too many changes of this account's address, or too many to this address.
    """
    with acting(actor):
        user = user_to_change(actor, user_id, expected_version)
        names_email = "email" in fields
        fields = {name: value for name, value in fields.items() if value != getattr(user, name)}
        if not (with_credentials or fields.keys().isdisjoint(policies.CREDENTIAL_FIELDS)):
            raise auth.scope_lacking(policies.CREDENTIALS)
        if not (with_profile or fields.keys() <= policies.CREDENTIAL_FIELDS):
            raise auth.scope_lacking(policies.PROFILE)
        if not fields.keys().isdisjoint(policies.CREDENTIAL_FIELDS):
            check_may_take_over(actor, user)
        if not fields.keys().isdisjoint(("roles", "status")):
            check_may_administer(actor, "You may not change roles or status.")
            _keep_an_administrator(user, fields.get("roles", user.roles), fields.get("status", user.status))
        before = user.email
        # The canonical form of an address that is stored in another form (migration 0006) is not a change.
        new_email = canonical_email(fields["email"]) if "email" in fields else before
        if new_email is not None and (new_email == before or policies.must_confirm_email(actor, user)):
            fields.pop("email", None)
        elif "email" in fields:
            fields["email_verified"] = False
        _save(actor, user, **fields)
        if user.email != before:
            _follow_up_new_email(user, before)
        elif new_email is not None and new_email != before:
            request_email_change(user, new_email)
        elif names_email and with_credentials:
            cancel_email_change(user)
        return user


def deactivate_user(
    actor: Actor, user_id: str, *, reason: str = "", expected_version: ExpectedVersion = ANY_VERSION
) -> User:
    """Close the account until it is reactivated, and end its sessions. A deactivated account does not change.

    Raises:
        User.DoesNotExist, PermissionDenied, Stale, ValidationError
        Conflict: the user is the last administrator, or the account is suspended or banned.
    """
    with acting(actor, checked_line("reason", reason, MAX_REASON_LENGTH)):
        user = user_to_change(actor, user_id, expected_version)
        check_may_take_over(actor, user)
        if user.status not in (*OPEN_ACCOUNT_STATUSES, Status.DEACTIVATED):
            raise Conflict("This account is suspended or banned; it cannot be deactivated.")
        _keep_an_administrator(user, user.roles, Status.DEACTIVATED)
        return _save(actor, user, status=Status.DEACTIVATED)


def reactivate_user(
    actor: Actor, user_id: str, *, reason: str = "", expected_version: ExpectedVersion = ANY_VERSION
) -> User:
    """Reopen a deactivated account. An open account does not change.

    Raises:
        User.DoesNotExist, PermissionDenied, Stale, ValidationError
        Conflict: the account is suspended or banned.
    """
    with acting(actor, checked_line("reason", reason, MAX_REASON_LENGTH)):
        user = user_to_change(actor, user_id, expected_version)
        check_may_take_over(actor, user)
        check_may_administer(actor, "Only an administrator may reactivate an account.")
        if user.status in OPEN_ACCOUNT_STATUSES:
            return user
        if user.status != Status.DEACTIVATED:
            raise Conflict("This account is suspended or banned; set its status instead.")
        return _save(actor, user, status=Status.ACTIVE if user.email_verified else Status.PENDING_VERIFICATION)


def delete_user(
    actor: Actor, user_id: str, *, reason: str = "", expected_version: ExpectedVersion = ANY_VERSION
) -> None:
    """Delete the account and all its data; the change log keeps only the id.

    Raises:
        User.DoesNotExist, PermissionDenied, Stale, ValidationError
        Conflict: the user is the last administrator, or owns objects that would be left without an owner.
    """
    with acting(actor, checked_line("reason", reason, MAX_REASON_LENGTH)):
        user = user_to_change(actor, user_id, expected_version)
        check_may_take_over(actor, user)
        _keep_an_administrator(user, [], user.status)
        pk = user.pk
        with deleting():
            user.delete()
        forget("user", pk)
        idempotency.forget(pk)
        idempotency.forget_principal(str(pk))
        auth.forget(pk)


def update_preferences(
    actor: Actor, user_id: str, fields: dict[str, bool], *, expected_version: ExpectedVersion = ANY_VERSION
) -> User:
    """Set these preferences, given by their paths.

    Raises:
        User.DoesNotExist, PermissionDenied, Stale
    """
    queries.get_private(actor, user_id)
    with acting(actor):
        user = user_to_change(actor, user_id, expected_version)
        return _save(actor, user, preferences={**user.preferences, **fields})


def record_login(user: User, renewed_hash: str = "") -> bool:
    """Record that the user has logged in.

    Args:
        user: as it was when the password was verified.
        renewed_hash: new hash of the same password, which replaces the stored one.

    Returns:
        Whether the login is valid; False if the password or the account changed while the password was verified.
    """
    with acting(user, "login"):
        rows = User.objects.select_for_update(of=("self",))
        locked = rows.filter(pk=user.pk, password=user.password, status__in=OPEN_ACCOUNT_STATUSES).first()
        if locked is None:
            return False
        save_clean(locked, last_login_at=timezone.now(), password=renewed_hash or locked.password)
        return True


def user_to_change(actor: Actor, user_id: str, expected_version: ExpectedVersion) -> User:
    user = queries.get_user_for_update(actor, user_id)
    check_may_change(actor, user)
    user.require_version(expected_version)
    return user


def _follow_up_new_email(user: User, before: str) -> None:
    limit_mails(user)
    mailed_tokens.revoke_all(user)
    enqueue("users.send_email_changed", user_id=str(user.pk), email=before, at=timezone.now().isoformat())
    request_verification(user)


def _keep_an_administrator(user: User, roles: list[int], status: int) -> None:
    """Raise Conflict if the change would leave no administrator."""
    if not (Role.ADMIN in user.roles and user.is_active) or user.is_service:
        return
    if Role.ADMIN in roles and status in OPEN_ACCOUNT_STATUSES:
        return
    with connection.cursor() as cursor:
        # The lock keeps two administrators from removing each other at the same time.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ADMINISTRATORS_LOCK])
    others = User.objects.filter(
        roles__contains=[Role.ADMIN], status__in=OPEN_ACCOUNT_STATUSES, is_service=False
    ).exclude(pk=user.pk)
    if not others.exists():
        raise Conflict("This is the last administrator; appoint another one first.")


def _save(actor: Actor, user: User, **fields: Any) -> User:
    also: dict[str, Any] = {"updated_by_id": actor.pk}
    if fields.get("status", user.status) not in OPEN_ACCOUNT_STATUSES:
        also["tokens_valid_from"] = user.next_validity()
        mailed_tokens.revoke_all(user)
    save_clean(user, also=also, **fields)
    auth.forget(user.pk)
    return user
