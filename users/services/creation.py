"""Creation of accounts, for people and for programs."""

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied

from changes.services import acting
from core import auth, rate_limits
from core.actors import Actor
from core.addresses import caller_key
from core.db.saving import save_clean
from core.errors import AlreadyExists
from users import policies
from users.metrics import users_created
from users.models import Role, Status, User
from users.passwords.hashers import hash_password
from users.services.checks import clean_new_user, local_part
from users.services.verification import request_verification


def create_user(
    actor: Actor,
    *,
    address: str = "",
    password: str = "",
    roles: list[int] | None = None,
    mailed: bool = True,
    with_credentials: bool = True,
    **fields: Any,
) -> User:
    """Create an account whose e-mail is unverified, and mail a token to verify it.

    Args:
        address: network address of the caller. All callers but administrators are limited by it and by their account.
        password: empty = the user must reset it before the first login.
        roles: only for administrators; empty = CUSTOMER.
        mailed: whether the mail is sent now. VerifyEmail can send it later.
        with_credentials: whether the caller's credential has the scope `policies.CREDENTIALS`; without it the account
            may get neither a password nor roles.
        fields: of `User`. The default of `display_name` is the part of `email` before the @, as sent.

    Raises:
        ValidationError: with every invalid field.
        AlreadyExists: the e-mail has an account.
        PermissionDenied: the actor gives roles without being an administrator, sign-up is closed, or a scope is
            missing.
        RateLimited: too many accounts from this address, or by this user.
    """
    if (password or roles) and not with_credentials:
        raise auth.scope_lacking(policies.CREDENTIALS)
    _check_may_create(actor, roles, address)
    fields["display_name"] = fields.get("display_name") or local_part(fields.get("email", ""))
    author_id = actor.pk if actor.is_authenticated else None
    user = User(**fields, roles=roles or [Role.CUSTOMER], created_by_id=author_id, updated_by_id=author_id)
    user.set_unusable_password()
    clean_new_user(user, password)
    if User.objects.filter(email=user.email).exists():
        # Checked first, so that a failure costs no hash and no number. In a race, the constraint still rejects the row.
        raise AlreadyExists(User.already_exists["users_email_unique"].format(user))
    if password:
        user.password = hash_password(password)
    with acting(actor):
        save_clean(user)
        if mailed:
            request_verification(user)
    users_created.inc()
    return user


def create_service_account(actor: Actor, *, display_name: str, email: str = "", **fields: Any) -> User:
    """Create an account for a program, which acts with API keys only. Only administrators may do so.

    Args:
        email: the default is an address that receives no mail (RFC 2606).
        fields: of `User`.

    Raises:
        ValidationError: with every invalid field.
        AlreadyExists: the e-mail has an account.
        PermissionDenied
    """
    check_may_administer(actor, "Only an administrator may create service accounts.")
    fields = {"status": Status.ACTIVE, "created_by_id": actor.pk, "updated_by_id": actor.pk, **fields}
    user = User(**fields, display_name=display_name, is_service=True, number=None)
    user.email = email or f"{user.pk}@service.invalid"
    user.set_unusable_password()
    with acting(actor, "service account"):
        return save_clean(user)


def check_may_administer(actor: Actor, message: str) -> None:
    """Raise PermissionDenied, with this message, unless the actor is an administrator."""
    if not policies.may_administer(actor):
        raise PermissionDenied(message)


def _check_may_create(actor: Actor, roles: list[int] | None, address: str) -> None:
    if not policies.may_register(actor):
        raise PermissionDenied("Sign-up is closed; ask an administrator for an account.")
    if roles:
        check_may_administer(actor, "You may not give roles.")
    if policies.may_administer(actor):
        return
    message = "Too many accounts were created by you or from your address; try again later."
    limit = settings.SIGNUPS_PER_HOUR
    if actor.is_authenticated:
        # Signed-in users have a separate limit per address, so that sign-ups from a shared address do not block them.
        rate_limits.take("signup user", str(actor.pk), limit=limit, seconds=3600, message=message)
        rate_limits.take("signup by users", caller_key(address), limit=5 * limit, seconds=3600, message=message)
    else:
        rate_limits.take("signup", caller_key(address), limit=limit, seconds=3600, message=message)
