"""Queries of a user's own credentials."""

from datetime import timedelta

from django.conf import settings
from django.db.models import F, QuerySet
from django.utils import timezone

from access.models import ApiKey, Session
from core.actors import Actor
from core.addresses import caller_key

MAX_SESSIONS_LISTED = 500
#: How many of an account's newest sessions are searched for a known address.
MAX_ADDRESSES_KNOWN = 200


def open_sessions(actor: Actor) -> QuerySet[Session]:
    """Return the actor's sessions that can still be used."""
    # Each exchange of a refresh token counts as a use and returns a token with this lifetime.
    refreshable_since = timezone.now() - timedelta(seconds=settings.REFRESH_TOKEN_SECONDS)
    return Session.objects.filter(
        user=actor.pk,
        revoked_at=None,
        created_at__gte=F("user__tokens_valid_from"),
        last_used_at__gt=refreshable_since,
    )


def has_logged_in_from(email: str, address: str) -> bool:
    """Return whether this account was logged in to from this address since its password was set.

    The query is the same for an account that does not exist, so that its duration reveals nothing.
    """
    if "\0" in email:
        return False
    sessions = Session.objects.filter(user__email=email, created_at__gte=F("user__tokens_valid_from"))
    known = sessions.order_by("-id").values_list("address", flat=True)[:MAX_ADDRESSES_KNOWN]
    return caller_key(address) in map(caller_key, known)


def list_sessions(actor: Actor) -> list[Session]:
    """Return the actor's open sessions, the last used first."""
    return list(open_sessions(actor).order_by("-last_used_at", "-id")[:MAX_SESSIONS_LISTED])


def api_keys(actor: Actor) -> QuerySet[ApiKey]:
    """Return the actor's keys that were not revoked, including expired ones."""
    return ApiKey.objects.filter(user=actor.pk, revoked_at=None, created_at__gte=F("user__tokens_valid_from"))


def list_api_keys(actor: Actor) -> list[ApiKey]:
    """Return the actor's keys, newest first."""
    return list(api_keys(actor).order_by("-created_at", "-id"))
