"""Access to the admin site, and the rights of its users there."""

from collections.abc import Collection

from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied

from changes.services import acting
from core.actors import Actor
from core.auth import System
from core.db.saving import save_clean
from core.errors import Conflict, invalid
from core.preconditions import ANY_VERSION, ExpectedVersion
from users.models import User
from users.services.accounts import user_to_change


def set_staff(
    actor: Actor,
    user_id: str,
    *,
    is_staff: bool,
    is_superuser: bool = False,
    groups: Collection[Group] | None = None,
    expected_version: ExpectedVersion = ANY_VERSION,
) -> User:
    """Let a user sign in to the admin site, or no longer.

    Args:
        is_superuser: whether the user may do everything there; others may do what their groups may.
        groups: None = those that the user has.

    Raises:
        User.DoesNotExist, Stale
        PermissionDenied: the actor is no superuser.
        ValidationError: a service account cannot sign in, and a superuser must be staff.
        Conflict: the actor would end their own access.
    """
    if not isinstance(actor, System) and not getattr(actor, "is_superuser", False):
        raise PermissionDenied("Only a superuser may change who is staff.")
    with acting(actor):
        user = user_to_change(actor, user_id, expected_version)
        if is_staff and user.is_service:
            raise invalid("is_staff", "service_account", "A service account cannot sign in to the admin site.")
        if is_superuser and not is_staff:
            raise invalid("is_superuser", "not_staff", "A superuser must be staff.")
        if user.pk == actor.pk and user.is_superuser and not is_superuser:
            raise Conflict("You cannot end your own access; another superuser can.")
        save_clean(user, is_staff=is_staff, is_superuser=is_superuser)
        if groups is not None:
            user.groups.set(groups)
    return user
