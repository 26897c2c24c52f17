"""Permissions on users. `UserQuerySet.visible_to` decides which users an actor sees."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from changes.feed.subjects import Visibility
from core.actors import Actor
from core.auth import System
from users.models import OPEN_ACCOUNT_STATUSES, User

#: Scope of API keys that may change the profile of an account.
PROFILE = "users:write"
#: Scope of API keys that may change the credentials of an account. Administrators give it to service accounts only.
CREDENTIALS = "users:credentials"
#: Fields of an account that decide about the access to it, or about the permissions of its user.
CREDENTIAL_FIELDS = frozenset(("email", "roles", "status"))

#: Groups of actors, besides the group of each actor alone: all signed-in users, and those that may read everything.
SIGNED_IN, READERS = "signed in", "readers"


def may_register(actor: Actor) -> bool:
    """Return whether the actor may create an account: every caller while sign-up is open, else administrators."""
    return bool(settings.ALLOW_SIGNUP) or may_administer(actor)


def may_read_everything(actor: Actor, user: User | None = None) -> bool:
    """Return whether the actor may read every field of this user, or of all users without one."""
    return bool(actor.is_authenticated and (actor.reads_everything or (user is not None and actor.pk == user.pk)))


def may_change(actor: Actor, user: User) -> bool:
    """Return whether the actor may change, deactivate and delete this user: the user and administrators."""
    return bool(actor.is_authenticated and (actor.pk == user.pk or actor.is_administrator))


def may_take_over(actor: Actor, user: User) -> bool:
    """Return whether the actor may change what decides about the access to this account, if `may_change` allows it.

    Only the user, superusers and parts of the system may do that to a superuser: other administrators would otherwise
    become superusers of the admin site.
    """
    return not user.is_superuser or actor.pk == user.pk or is_superuser(actor)


def is_superuser(actor: Actor) -> bool:
    """Return whether the actor may do everything in the admin site: superusers and parts of the system."""
    return isinstance(actor, System) or getattr(actor, "is_superuser", False)


def may_administer(actor: Actor) -> bool:
    """Return whether the actor may change roles and status, and reactivate accounts: administrators."""
    return bool(actor.is_authenticated and actor.is_administrator)


def may_have_verified(actor: Actor, user: User) -> bool:
    """Return whether the actor may request the verification mail of this user: the user, support, administrators."""
    return may_read_everything(actor, user)


def must_confirm_email(actor: Actor, user: User) -> bool:
    """Return whether a new e-mail address of this user needs confirmation: if people of any role change their own."""
    return bool(actor.pk == user.pk and not user.is_service)


def groups(actor: Actor) -> frozenset[str]:
    """Return the groups of an actor, for the feed."""
    if not actor.is_authenticated:
        return frozenset()
    return frozenset({str(actor.pk), SIGNED_IN} | ({READERS} if actor.reads_everything else set()))


def audience(image: Mapping[str, Any]) -> dict[str, Visibility]:
    """Return the groups that see the user with this image, as `visible_to` and `may_read_everything` decide."""
    whole = {image["id"]: Visibility.WHOLE, READERS: Visibility.WHOLE}
    return {**whole, SIGNED_IN: Visibility.PART} if image["status"] in OPEN_ACCOUNT_STATUSES else whole
