"""Services that check and change passwords, and reset them by a mailed token."""

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from changes.services import acting
from core import auth, rate_limits
from core.actors import Actor
from core.addresses import caller_key
from core.db.saving import save_clean
from core.errors import Conflict, invalid
from core.jobs import enqueue
from core.preconditions import ANY_VERSION, ExpectedVersion
from users import queries, tokens
from users.models import TokenPurpose, User
from users.passwords.hashers import MAX_PASSWORD_LENGTH, hash_password, normalize_password, verify
from users.services import guesses, mailed_tokens
from users.services.permissions import check_may_change, check_may_take_over


def change_password(
    actor: Actor,
    user_id: str,
    *,
    current_password: str,
    new_password: str,
    expected_version: ExpectedVersion = ANY_VERSION,
) -> None:
    """Set a new password, end all sessions of the user, and notify the user by mail.

    Args:
        current_password: required if users change their own password, not if administrators change another user's.

    Raises:
        User.DoesNotExist, PermissionDenied, Stale
        RateLimited: too many tries of the current password.
        ValidationError: on either password.
        Conflict: the account is a service account.
    """
    user = queries.get_private(actor, user_id)
    check_may_change(actor, user)
    check_may_take_over(actor, user)
    # Checked before the costly hash, and again with the row locked.
    user.require_version(expected_version)
    if user.is_service:
        raise Conflict("A service account has no password; create an API key for it.")
    if actor.pk == user.pk:
        _check_current_password(user, current_password)
    if not new_password:
        raise invalid("new_password", "required", "New password is required.")
    password = _hashed_new_password(user, new_password)
    with acting(actor, "password"):
        user = queries.get_user_for_update(actor, user_id)
        user.require_version(expected_version)
        check_may_take_over(actor, user)
        _set_password(actor, user, password)


def request_password_reset(*, email: str, address: str = "") -> None:
    """Enqueue a mail with a token to the account with this e-mail, if there is one and it is open.

    The worker looks the account up, so that neither the response nor its duration reveals whether there is one.

    Args:
        address: network address of the caller.

    Raises:
        ValidationError: the text is not an e-mail address.
        RateLimited: too many requests from this address, or for this e-mail, whether it has an account or not.
    """
    as_sent = email.strip().lower()
    try:
        email = User._meta.get_field("email").clean(email, None)
    except ValidationError as exc:
        raise ValidationError({"email": exc.error_list}) from exc
    message = "Too many password resets were requested; try again later."
    rate_limits.take(
        "reset address", caller_key(address), limit=settings.RESETS_PER_ADDRESS, seconds=3600, message=message
    )
    account = tokens.hash_of(email).hex()
    rate_limits.take("reset account", account, limit=settings.MAILS_PER_ACCOUNT, seconds=3600, message=message)
    with transaction.atomic():
        # Two old accounts may share a mailbox; only the spelling of the address distinguishes them.
        enqueue("users.send_password_reset", email=as_sent)


def reset_password(*, token: str, new_password: str) -> None:
    """Set the password of the account of this mailed token, end its sessions, and notify the user by mail.

    Raises:
        ValidationError: the token is not valid, its account is closed, or the password breaks a rule.
    """
    fields = {"token": token, "new_password": new_password}
    if missing := [name for name, value in fields.items() if not value]:
        raise ValidationError({
            name: ValidationError(f"{name.replace('_', ' ').capitalize()} is required.", code="required")
            for name in missing
        })  # fmt: skip
    user = _check_may_reset(mailed_tokens.owner(token, TokenPurpose.RESET_PASSWORD))
    # Hashed before any row is locked, and before the token is used up, so that a bad password does not use it up.
    password = _hashed_new_password(user, new_password)
    with transaction.atomic():
        user = _check_may_reset(mailed_tokens.use(token, TokenPurpose.RESET_PASSWORD).user)
        with acting(user, "password reset"):
            _set_password(user, user, password)
    guesses.reset(user.email)


def password_errors(user: User, password: str) -> dict[str, ValidationError]:
    """Check a new password against the rules for passwords. Return the error by field; none if it is good."""
    if len(password) <= MAX_PASSWORD_LENGTH:
        password = normalize_password(password)
    try:
        validate_password(password, user)
    except ValidationError as exc:
        return {"password": exc}
    return {}


def _hashed_new_password(user: User, password: str) -> str:
    if errors := password_errors(user, password):
        raise ValidationError({"new_password": errors["password"]})
    return hash_password(password)


def _set_password(actor: Actor, user: User, password: str) -> None:
    save_clean(user, password=password, also={"updated_by_id": actor.pk, "tokens_valid_from": user.next_validity()})
    mailed_tokens.revoke_all(user)
    auth.forget(user.pk)
    enqueue("users.send_password_changed", user_id=str(user.pk), at=timezone.now().isoformat())


def _check_may_reset(user: User) -> User:
    if not user.is_active or user.is_service:
        raise mailed_tokens.invalid_token()
    return user


def _check_current_password(user: User, password: str) -> None:
    if not password:
        raise invalid("current_password", "required", "Current password is required.")
    message = "Too many tries; wait before the next one."
    rate_limits.take("password", str(user.pk), limit=settings.LOGINS_PER_ACCOUNT, seconds=300, message=message)
    # Failed logins of other callers do not limit this signed-in caller, but tries here count against the account.
    limit = settings.LOGIN_FAILURES_PER_ACCOUNT
    rate_limits.take("password hour", str(user.pk), limit=limit, seconds=guesses.WINDOW_SECONDS, message=message)
    guesses.count_guess(user.email)
    if len(password) > MAX_PASSWORD_LENGTH or not verify(password, user.password).fits:
        raise invalid("current_password", "wrong", "The current password is wrong.")
    guesses.undo(user.email)
    rate_limits.undo("password hour", str(user.pk))
    rate_limits.reset("password", str(user.pk))
