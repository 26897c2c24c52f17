"""Writing users: what an actor may do to them."""

from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.utils import timezone

from changes.services import acting, forget
from core import auth, limits
from core.errors import AlreadyExists, Conflict, Stale
from core.fields import checked_line
from core.metrics import users_created
from core.models import clean, save_clean
from users import policies, queries
from users.models import OPEN, Role, Status, User

LONGEST_REASON = 1000
# Any number will do, as long as nobody else takes it.
_ADMINISTRATORS_LOCK = 7_305_001


def create_user(
    actor: Any, *, address: str = "", password: str = "", roles: list[int] | None = None, **fields: Any
) -> User:
    """A new account, waiting for its e-mail to be verified.

    Args:
        address: where the caller calls from; those who are not signed in are limited by it.
        password: empty = the account must reset it before it can log in.
        roles: administrators only; empty = CUSTOMER.
        fields: of `User`. Without `display_name` it is the part of `email` before the @, as sent.

    Raises:
        ValidationError: every bad field is named.
        AlreadyExists: the e-mail has an account.
        PermissionDenied: roles without being an administrator, or sign-up is closed.
        RateLimited: too many accounts from this address.
    """
    _check_may_create(actor, roles, address)
    fields["display_name"] = fields.get("display_name") or str(fields.get("email", "")).strip().partition("@")[0]
    author = actor if actor.is_authenticated else None
    user = User(**fields, roles=roles or [Role.CUSTOMER], created_by=author, updated_by=author)
    user.set_unusable_password()
    _check(user, password)
    if User.objects.filter(email=user.email).exists():
        # Asked first, so that a refusal costs no hash and uses no number; a race still ends in the constraint.
        raise AlreadyExists(User.already_exists["users_email_unique"].format(user))
    if password:
        user.password = make_password(password)
    with acting(actor):
        save_clean(user)
    users_created.inc()
    return user


def update_user(actor: Any, user_id: str, fields: dict[str, Any], *, expected_version: int | None = None) -> User:
    """Sets these fields of `User`; one that is not here stays as it is.

    Raises:
        User.DoesNotExist, PermissionDenied, Stale, ValidationError, AlreadyExists
        Conflict: the last administrator would be one no more.
    """
    with acting(actor):
        user = _user_to_change(actor, user_id, expected_version)
        fields = {name: value for name, value in fields.items() if value != getattr(user, name)}
        if not fields.keys().isdisjoint(("roles", "status")):
            _check_may_administer(actor, "You may not change roles or status.")
            _keep_an_administrator(user, fields.get("roles", user.roles), fields.get("status", user.status))
        if "email" in fields and fields["email"].strip().lower() != user.email:
            fields["email_verified"] = False
        return _save(actor, user, **fields)


def deactivate_user(actor: Any, user_id: str, *, reason: str = "", expected_version: int | None = None) -> User:
    """Closes the account until it is reactivated, and ends its sessions; one that is deactivated stays so.

    Raises:
        User.DoesNotExist, PermissionDenied, Stale, ValidationError
        Conflict: it is the last administrator, or the account is suspended or banned.
    """
    with acting(actor, checked_line("reason", reason, LONGEST_REASON)):
        user = _user_to_change(actor, user_id, expected_version)
        if user.status not in (*OPEN, Status.DEACTIVATED):
            raise Conflict("This account is suspended or banned; it cannot be deactivated.")
        _keep_an_administrator(user, user.roles, Status.DEACTIVATED)
        return _save(actor, user, status=Status.DEACTIVATED)


def reactivate_user(actor: Any, user_id: str, *, expected_version: int | None = None) -> User:
    """Opens a deactivated account again; one that is open stays as it is.

    Raises:
        User.DoesNotExist, PermissionDenied, Stale
        Conflict: the account is suspended or banned.
    """
    with acting(actor):
        user = _user_to_change(actor, user_id, expected_version)
        _check_may_administer(actor, "Only an administrator may reactivate an account.")
        if user.status in OPEN:
            return user
        if user.status != Status.DEACTIVATED:
            raise Conflict("This account is suspended or banned; set its status instead.")
        return _save(actor, user, status=Status.ACTIVE if user.email_verified else Status.PENDING_VERIFICATION)


def delete_user(actor: Any, user_id: str, *, reason: str = "", expected_version: int | None = None) -> None:
    """Deletes the account and all that belongs to it; the change log keeps only the id.

    Raises:
        User.DoesNotExist, PermissionDenied, Stale, ValidationError
        Conflict: it is the last administrator.
    """
    with acting(actor, checked_line("reason", reason, LONGEST_REASON)):
        user = _user_to_change(actor, user_id, expected_version)
        _keep_an_administrator(user, [], user.status)
        pk = user.pk
        user.delete()
        forget("user", pk)
        auth.forget(pk)


def note_login(user: User) -> None:
    """Writes down that the user has just logged in."""
    with acting(user, "login"):
        save_clean(user, last_login_at=timezone.now())


def _check_may_create(actor: Any, roles: list[int] | None, address: str) -> None:
    if not policies.may_register(actor):
        raise PermissionDenied("Sign-up is closed; ask an administrator for an account.")
    if roles:
        _check_may_administer(actor, "You may not give roles.")
    if not actor.is_authenticated:
        message = "Too many accounts were made from your address; try again later."
        limits.take("signup", address, most=settings.SIGNUPS_PER_HOUR, seconds=3600, message=message)


def _check_may_administer(actor: Any, otherwise: str) -> None:
    if not policies.may_administer(actor):
        raise PermissionDenied(otherwise)


def _check(user: User, password: str) -> None:
    """All that is wrong with a new user, the password included, in one error."""
    errors: dict[str, Any] = {}
    try:
        clean(user)
    except ValidationError as exc:
        exc.update_error_dict(errors)
    if "email" in errors and not user.display_name:
        # It would have come from the e-mail.
        errors.pop("display_name", None)
    if password:
        try:
            validate_password(password, user)
        except ValidationError as exc:
            errors["password"] = exc.error_list
    if errors:
        raise ValidationError(errors)


def _user_to_change(actor: Any, user_id: str, expected_version: int | None) -> User:
    user = queries.get_user_for_update(actor, user_id)
    if not policies.may_change(actor, user):
        raise PermissionDenied("You may not change this user.")
    if expected_version not in (None, user.version):
        raise Stale(user.version)
    return user


def _keep_an_administrator(user: User, roles: list[int], status: int) -> None:
    """Refuses what would leave nobody to administer."""
    if not (user.is_administrator and user.is_active):
        return
    if Role.ADMIN in roles and status in OPEN:
        return
    with connection.cursor() as cursor:
        # Two administrators who remove each other must not both succeed.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ADMINISTRATORS_LOCK])
    others = User.objects.filter(roles__contains=[Role.ADMIN], status__in=OPEN).exclude(pk=user.pk)
    if not others.exists():
        raise Conflict("This is the last administrator; make another one first.")


def _save(actor: Any, user: User, **fields: Any) -> User:
    also: dict[str, Any] = {"updated_by": actor}
    if fields.get("status", user.status) not in OPEN:
        also["tokens_valid_from"] = timezone.now()
    save_clean(user, also=also, **fields)
    auth.forget(user.pk)
    return user
