"""API keys: creation, use and revocation."""

from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from access import queries, tokens
from access.models import ApiKey
from access.services.sessions import begin_validity
from core import auth
from core.actors import Actor
from core.db import ids
from core.db.saving import clean
from core.errors import AlreadyExists, Conflict, invalid
from users.models import User
from users.policies import CREDENTIALS, may_administer
from users.queries import get_user

MAX_API_KEYS = 100
#: How many scopes a request for a key may name, repetitions included.
MAX_SCOPES = 50
#: Precision of a key's time of last use. Recording each use would be a write per call.
KEY_USE_INTERVAL = timedelta(minutes=1)
#: How long the admin site shows keys that were revoked or expired.
DEAD_KEYS_RETENTION = timedelta(days=30)


def create_api_key(
    actor: Actor,
    *,
    name: str,
    scopes: list[str],
    expires_at: datetime | None = None,
    user_id: str = "",
    made_with: UUID | None = None,
    certificate_uri: str = "",
) -> tuple[ApiKey, str]:
    """Create an API key; return it and its text, which is not stored and cannot be shown again.

    Args:
        user_id: id of the owner; empty = the actor. Only administrators may name another, a service account.
        made_with: id of the API key of the call. It cannot create a key with more scopes or a later expiry than its
            own, nor one with `CREDENTIALS`.
        certificate_uri: the client certificate that is the credential instead of the text, for a service account.

    Raises:
        ValidationError: with every invalid field.
        AlreadyExists: another key has this certificate.
        User.DoesNotExist
        PermissionDenied: the actor may not create keys for this owner, or may not give it one of the scopes.
        Conflict: the owner already has `MAX_API_KEYS`.
    """
    if len(scopes) > MAX_SCOPES:
        raise invalid("scopes", "max_items", f"Give at most {MAX_SCOPES} scopes.")
    owner = get_user(actor, user_id or "me")
    if owner.pk != actor.pk and not (may_administer(actor) and owner.is_service):
        raise PermissionDenied("Only administrators create API keys for other users, and only for service accounts.")
    if certificate_uri and not owner.is_service:
        raise invalid("certificate_uri", "invalid", "Only a service account is identified by a certificate.")
    secret = tokens.new_secret()
    key = ApiKey(
        user=owner,
        name=name,
        scopes=scopes,
        expires_at=expires_at,
        created_by_id=actor.pk,
        created_at=begin_validity(owner),
        certificate_uri=certificate_uri,
    )
    key.secret_hash = tokens.hash_of(secret)
    clean(key)
    _check_may_give(actor, key, made_with)
    with transaction.atomic():
        # The lock makes concurrent calls count each other's keys.
        User.objects.select_for_update(of=("self",)).get(pk=owner.pk)
        if queries.api_keys(owner).count() >= MAX_API_KEYS:
            raise Conflict(f"A user has at most {MAX_API_KEYS} API keys; revoke one first.")
        _insert(key)
    return key, tokens.api_key_text(key, secret)


def _insert(key: ApiKey) -> None:
    try:
        with transaction.atomic():
            key.save(force_insert=True)
    except IntegrityError as exc:
        if ApiKey.objects.filter(revoked_at=None, certificate_uri=key.certificate_uri).exists():
            raise AlreadyExists(f"Another API key has the certificate {key.certificate_uri}; revoke it first.") from exc
        raise


def revoke_api_key(actor: Actor, key_id: str) -> None:
    """Revoke an API key of the actor; administrators may revoke any user's.

    Raises:
        ApiKey.DoesNotExist
    """
    keys = ApiKey.objects.all() if may_administer(actor) else queries.api_keys(actor)
    wanted = ids.parsed(key_id)
    if not wanted or not revoke_api_keys(keys.filter(pk=wanted)):
        raise ApiKey.DoesNotExist(f"API key not found: {key_id}")


def revoke_api_keys(keys: QuerySet[ApiKey]) -> int:
    """Revoke those of these keys that are not yet revoked, and return how many there were."""
    user_ids = dict(keys.filter(revoked_at=None).values_list("pk", "user_id"))
    # Not `keys.update`, whose condition is a subquery with a join: of two at once, both would count the same rows.
    revoked = ApiKey.objects.filter(pk__in=user_ids, revoked_at=None).update(revoked_at=timezone.now())
    for user_id in set(user_ids.values()):
        auth.forget(user_id)
    return revoked


def note_key_use(key: ApiKey) -> None:
    """Record that the key is used now, unless a use within `KEY_USE_INTERVAL` is recorded already."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at >= KEY_USE_INTERVAL:
        # The statement checks again, because other threads and processes may record the same key.
        is_recent = Q(last_used_at__gt=now - KEY_USE_INTERVAL)
        ApiKey.objects.filter(~is_recent | Q(last_used_at=None), pk=key.pk).update(last_used_at=now)


def prune_api_keys() -> int:
    """Delete the keys that were revoked or expired before `DEAD_KEYS_RETENTION`, and return how many there were."""
    cutoff = timezone.now() - DEAD_KEYS_RETENTION
    deleted, _ = ApiKey.objects.filter(Q(revoked_at__lt=cutoff) | Q(expires_at__lt=cutoff)).delete()
    return deleted


def _check_may_give(actor: Actor, key: ApiKey, made_with: UUID | None) -> None:
    """Raise PermissionDenied if an API key would create a wider key, or if `CREDENTIALS` may not be given.

    Only a signed-in person may give `CREDENTIALS`, and only to a service account.
    """
    if CREDENTIALS in key.scopes and (
        getattr(actor, "is_service", False) or made_with is not None or not key.user.is_service
    ):
        raise PermissionDenied(f"Administrators who are signed in give the scope {CREDENTIALS}, to service accounts.")
    if made_with is None:
        return
    maker = ApiKey.objects.get(pk=made_with)
    is_later = maker.expires_at is not None and (key.expires_at is None or key.expires_at > maker.expires_at)
    if is_later or not set(key.scopes) <= set(maker.scopes):
        raise PermissionDenied("An API key cannot create a key with more scopes or a later expiry than its own.")
