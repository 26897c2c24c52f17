"""Caller authentication. Transports call `authenticate`, which delegates to `settings.AUTHENTICATE`.

Verifying a token on every call would cost more than the read it protects, so the outcome is cached for less than a
second. A revocation takes effect everywhere within a second, and at once in the process that calls `forget`.
"""

import hashlib
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.utils.module_loading import import_string

from core.actors import Actor
from core.addresses import caller_key
from core.errors import InsufficientScope, Unauthenticated

#: How long a verified credential is cached, in seconds. Revocation must take effect within one.
CACHE_SECONDS = 0.8
_MAX_CACHED = 10_000
_MAX_OWNERS_KNOWN = 50_000


@dataclass(frozen=True, slots=True)
class System:
    """A part of the system that acts by itself, such as a command. It may do everything and has no account.

    Attributes:
        pk: its name, recorded in the change log and with its idempotency keys.
    """

    pk: str
    is_authenticated: ClassVar[bool] = True
    is_administrator: ClassVar[bool] = True
    reads_everything: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Credential:
    """A verified credential and the actor that it identifies.

    Attributes:
        actor: a user, AnonymousUser, or a `System`.
        session_id: the session of the access token; None = not an access token.
        scopes: the scopes of the API key; None = not an API key, no limit.
        key_id: the API key; None = not an API key.
        expires_at: the expiry of the access token, on the clock of `time.monotonic`; None = unknown.
        refusal: a sentence with the reason why the client's certificate identifies no account; else empty.
    """

    actor: Actor
    session_id: uuid.UUID | None = None
    scopes: frozenset[str] | None = None
    key_id: uuid.UUID | None = None
    expires_at: float | None = None
    refusal: str = ""


class Anonymous(AnonymousUser):
    """A caller that has shown no credential."""

    is_administrator = False
    reads_everything = False


ANONYMOUS = Credential(Anonymous())

# Threads share the cache, so a credential is never modified.
_cache: dict[bytes, tuple[float, Credential]] = {}
#: The owner of each credential, by its hash. For turns and shares only: it authorizes nothing.
_owners: OrderedDict[bytes, str] = OrderedDict()
_lock = threading.Lock()


def presumed_caller(authorization: str | None, address: str) -> str:
    """Return the caller that a call is counted for before it is authenticated, without asking the database.

    A credential that this process has seen counts as its user, so that many sessions of one user are one caller. Any
    other counts as its address: an invented one must not make a new caller.

    Args:
        address: as `core.addresses.client_address` returns it.
    """
    owner = _owners.get(_hash(authorization)) if authorization else None
    return owner or f"address {caller_key(address)}"


def authenticate(authorization: str | None) -> Credential:
    """Authenticate the caller by its `Authorization` header (or metadata).

    Returns:
        The credential; `ANONYMOUS` if the caller sent no credential and there is no development identity.

    Raises:
        Unauthenticated: the credential is not valid, or its scheme is unknown.
    """
    if not authorization and not settings.DEV_AUTH_AS:
        return ANONYMOUS
    key = _hash(authorization or "")
    if (known := _cached(key)) is not None:
        return known
    credential: Credential
    try:
        credential = import_string(settings.AUTHENTICATE)(authorization)
    except Unauthenticated as exc:
        # With another scheme the caller does not know that a token is needed (RFC 6750, 3.1).
        exc.token_refused = (authorization or "").partition(" ")[0].lower() == "bearer"
        raise
    _keep(key, credential)
    if authorization:
        with _lock:
            _owners[key] = f"user {credential.actor.pk}"
            _owners.move_to_end(key)
            if len(_owners) > _MAX_OWNERS_KNOWN:
                _owners.popitem(last=False)
    return credential


def authenticate_certificate(uris: Collection[str]) -> Credential:
    """Authenticate a caller without an `Authorization` by the URIs of its verified certificate.

    Returns:
        The credential. If no service account has the certificate: an anonymous one with the reason as its `refusal`,
        because public operations, such as a login, need no account.
    """
    if len(uris) != 1:
        return Credential(Anonymous(), refusal="The client certificate names several URIs; it must name one.")
    (uri,) = uris
    key = b"certificate" + _hash(uri)  # Longer than the key of any `Authorization`.
    if (known := _cached(key)) is not None:
        return known
    credential: Credential | None = import_string(settings.AUTHENTICATE_CERTIFICATE)(uri)
    if credential is None:
        credential = Credential(Anonymous(), refusal=f"No service account has the client certificate {uri[:200]}.")
    _keep(key, credential)
    return credential


def _cached(key: bytes) -> Credential | None:
    known = _cache.get(key)
    return known[1] if known is not None and known[0] > time.monotonic() else None


def _keep(key: bytes, credential: Credential) -> None:
    with _lock:
        if len(_cache) >= _MAX_CACHED:
            _cache.clear()
        _cache[key] = (time.monotonic() + CACHE_SECONDS, credential)


def _hash(authorization: str) -> bytes:
    # Hashed, so that a memory dump holds as few credentials as possible.
    return hashlib.sha256(authorization.encode(errors="surrogatepass")).digest()


def redeem_ticket(ticket: str, path: str, *, reusable: bool = False) -> Credential:
    """Authenticate the caller by a stream ticket for this path. A ticket is valid once, unless it is `reusable`.

    Raises:
        Unauthenticated: the ticket is not valid.
    """
    try:
        credential: Credential = import_string(settings.REDEEM_TICKET)(ticket, path, reusable=reusable)
    except Unauthenticated as exc:
        exc.token_refused = True
        raise
    return credential


def renew(credentials: Collection[Credential]) -> dict[Credential, Credential]:
    """Verify the credentials of open calls again. Return the current one of each; one that is not valid is missing."""
    renewed: dict[Credential, Credential] = import_string(settings.RENEW)(credentials)
    return renewed


def scope_lacking(scope: str) -> InsufficientScope:
    """Return the error for an API key that lacks this scope; an empty scope means that no API key is accepted."""
    lack = f"This API key lacks the scope {scope}." if scope else "API keys are not accepted here; sign in instead."
    return InsufficientScope(lack, scope)


def forget(user_id: Any) -> None:
    """Remove this user's credentials from the cache: now, and again once the running transaction is committed."""
    _drop(user_id)
    transaction.on_commit(lambda: _drop(user_id))


def _drop(user_id: Any) -> None:
    with _lock:
        for key in [key for key, (_, known) in _cache.items() if known.actor.pk == user_id]:
            del _cache[key]
