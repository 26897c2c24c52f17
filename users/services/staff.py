"""Access to the admin site, and the rights of its users there."""

from collections.abc import Collection

from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied

from changes.services import acting
from core import auth
from core.actors import Actor
from core.db.saving import save_clean
from core.errors import Conflict, invalid
from core.preconditions import ANY_VERSION, ExpectedVersion
from users import policies
from users.models import Role, User
from users.services.accounts import user_to_change


def set_staff(
    actor: Actor,
    user_id: str,
    *,
    is_staff: bool | None = None,
    is_superuser: bool | None = None,
    groups: Collection[Group] | None = None,
    expected_version: ExpectedVersion = ANY_VERSION,
) -> User:
    """Let a user sign in to the admin site, or no longer. What is None does not change.

    Args:
        is_superuser: whether the user may do everything there; others may do what their groups may. A new
            superuser also gets the role ADMIN, because the services refuse the writes of other roles.

    Raises:
        User.DoesNotExist, Stale
        PermissionDenied: the actor is no superuser.
        ValidationError: a service account cannot sign in, and a superuser must be staff.
        Conflict: the actor would end their own access.
    """
    if not policies.is_superuser(actor):
        raise PermissionDenied("Only a superuser may change who is staff.")
    with acting(actor, "staff"):
        user = user_to_change(actor, user_id, expected_version)
        is_staff = user.is_staff if is_staff is None else is_staff
        is_superuser = user.is_superuser if is_superuser is None else is_superuser
        if is_staff and user.is_service:
            raise invalid("is_staff", "service_account", "A service account cannot sign in to the admin site.")
        if user.pk == actor.pk and user.is_superuser and not (is_staff and is_superuser):
            raise Conflict("You cannot end your own access; another superuser can.")
        if is_superuser and not is_staff:
            raise invalid("is_superuser", "not_staff", "A superuser must be staff.")
        becomes_superuser = is_superuser and not user.is_superuser
        roles = sorted({*user.roles, Role.ADMIN}) if becomes_superuser else user.roles
        version = user.version
        save_clean(user, is_staff=is_staff, is_superuser=is_superuser, roles=roles)
        if groups is not None and set(groups) != set(user.groups.all()):
            user.groups.set(groups)
            if user.version == version:
                _raise_version(user)
        auth.forget(user.pk)
    return user


def _raise_version(user: User) -> None:
    """Write the row unchanged, so that its version rises and the change log has an entry: groups are in other rows."""
    User.objects.filter(pk=user.pk).update(is_staff=user.is_staff)
    user.refresh_from_db(fields=["version", "updated_at"])
