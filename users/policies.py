"""Who may do what to a user. Who may see one is `UserQuerySet.visible_to`."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from changes.feed.subjects import Visibility
from users.models import OPEN, User

#: The scope of API keys that may change what an account says of its user.
PROFILE = "users:write"
#: The scope of API keys that may change how one gets in to an account: administrators give it, to service accounts.
CREDENTIALS = "users:credentials"
#: What of an account is a way in to it, or decides what who is in may do.
CREDENTIAL_FIELDS = frozenset(("email", "roles", "status"))

#: Groups of actors, beside each actor alone: everyone who is signed in, and who may read everything on everyone.
SIGNED_IN, READERS = "signed in", "readers"


def may_register(actor: Any) -> bool:
    """Anyone while sign-up is open; else administrators."""
    return bool(settings.ALLOW_SIGNUP) or may_administer(actor)


def may_read_everything(actor: Any, user: User | None = None) -> bool:
    """Whether the actor reads every field of this user (of everyone, without one)."""
    return bool(actor.is_authenticated and (actor.reads_everything or (user is not None and actor.pk == user.pk)))


def may_change(actor: Any, user: User) -> bool:
    """Oneself and administrators: what the account says, deactivating it, deleting it."""
    return bool(actor.is_authenticated and (actor.pk == user.pk or actor.is_administrator))


def may_administer(actor: Any) -> bool:
    """Administrators: roles, status, reactivating."""
    return bool(actor.is_authenticated and actor.is_administrator)


def may_have_verified(actor: Any, user: User) -> bool:
    """Oneself, support and administrators: having the mail sent that verifies an e-mail address."""
    return may_read_everything(actor, user)


def must_confirm_email(actor: Any, user: User) -> bool:
    """Whether a new address of this user waits for its confirmation: one that persons of any role give themselves."""
    return bool(actor.pk == user.pk and not user.is_service)


def groups(actor: Any) -> frozenset[str]:
    """The groups that an actor belongs to, for the feed."""
    if not actor.is_authenticated:
        return frozenset()
    return frozenset({str(actor.pk), SIGNED_IN} | ({READERS} if actor.reads_everything else set()))


def audience(image: Mapping[str, Any]) -> dict[str, Visibility]:
    """Which groups see the user whose row has this image: `UserQuerySet.visible_to` and `may_read_everything`."""
    whole = {image["id"]: Visibility.WHOLE, READERS: Visibility.WHOLE}
    return {**whole, SIGNED_IN: Visibility.PART} if image["status"] in OPEN else whole
