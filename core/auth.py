"""Who calls. The doors ask `authenticate`; what a credential means is `settings.AUTHENTICATE`'s to say.

Verifying a token on every call would cost more than the read it protects, so its outcome is kept for less than a
second; a revocation therefore takes effect everywhere within a second, and at once in the process that `forget`s.
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

from core.addresses import caller_key
from core.errors import InsufficientScope, Unauthenticated

#: How long a verified credential is believed, in seconds. Revocation must take effect within one.
CACHE_SECONDS = 0.8
_MAX_KEPT = 10_000
_MAX_OWNERS_KNOWN = 50_000


@dataclass(frozen=True, slots=True)
class System:
    """A part of the system that acts by itself, such as a command. It may do everything, and is nobody's account.

    Attributes:
        pk: its name, which stands in the change log and with its idempotency keys.
    """

    pk: str
    is_authenticated: ClassVar[bool] = True
    is_administrator: ClassVar[bool] = True
    reads_everything: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Credential:
    """What a caller showed, and who that makes them.

    Attributes:
        actor: a user, AnonymousUser, or a `System`.
        session_id: the session of the access token; None when it was none.
        scopes: what the API key is limited to; None = no key, no limit.
        key_id: the API key; None when it was none.
        expires_at: when the access token does, in seconds since 1970; None = no end is known.
    """

    actor: Any
    session_id: uuid.UUID | None = None
    scopes: frozenset[str] | None = None
    key_id: uuid.UUID | None = None
    expires_at: float | None = None


ANONYMOUS = Credential(AnonymousUser())

# Threads share what is kept, so a credential is not changed once it is made.
_kept: dict[bytes, tuple[float, Credential]] = {}
#: Whose a credential was, by its hash. For turns and shares only: nothing is believed or allowed by it.
_owners: OrderedDict[bytes, str] = OrderedDict()
_lock = threading.Lock()


def presumed_caller(authorization: str | None, address: str) -> str:
    """Return as whose a call counts before it is known who calls, without asking the database.

    A credential that this process has seen counts as its user, so that many sessions of one user are one caller. Any
    other counts as its address: an invented one must not make a new caller.

    Args:
        address: as `core.addresses.client_address` returns it.
    """
    owner = _owners.get(_hash(authorization)) if authorization else None
    return owner or f"address {caller_key(address)}"


def authenticate(authorization: str | None) -> Credential:
    """Who a call with this `Authorization` header (or metadata) comes from.

    Returns:
        The credential; `ANONYMOUS` when none was sent and there is no development identity.

    Raises:
        Unauthenticated: a credential was sent and is not good, or is of a kind that is not known.
    """
    if not authorization and not settings.DEV_AUTH_AS:
        return ANONYMOUS
    key = _hash(authorization or "")
    now = time.monotonic()
    known = _kept.get(key)
    if known is not None and known[0] > now:
        return known[1]
    credential: Credential
    try:
        credential = import_string(settings.AUTHENTICATE)(authorization)
    except Unauthenticated as exc:
        # Of another scheme the caller just does not know that tokens are wanted (RFC 6750, 3.1).
        exc.token_refused = (authorization or "").partition(" ")[0].lower() == "bearer"
        raise
    with _lock:
        if len(_kept) >= _MAX_KEPT:
            _kept.clear()
        _kept[key] = (now + CACHE_SECONDS, credential)
        if authorization:
            _owners[key] = f"user {credential.actor.pk}"
            _owners.move_to_end(key)
            if len(_owners) > _MAX_OWNERS_KNOWN:
                _owners.popitem(last=False)
    return credential


def _hash(authorization: str) -> bytes:
    # A memory dump must hold no more credentials than it has to.
    return hashlib.sha256(authorization.encode(errors="surrogatepass")).digest()


def redeem_ticket(ticket: str, path: str) -> Credential:
    """Who a call with this stream ticket for this path comes from. A ticket is good once.

    Raises:
        Unauthenticated: it is not good.
    """
    try:
        credential: Credential = import_string(settings.REDEEM_TICKET)(ticket, path)
    except Unauthenticated as exc:
        exc.token_refused = True
        raise
    return credential


def renew(credentials: Collection[Credential]) -> dict[Credential, Credential]:
    """What these credentials are worth by now, for calls that stay open. One that is no longer good is missing."""
    renewed: dict[Credential, Credential] = import_string(settings.RENEW)(credentials)
    return renewed


def scope_lacking(scope: str) -> InsufficientScope:
    """Return the error for an API key that lacks this scope; an empty one means that no API key will do."""
    lacks = f"it lacks the scope {scope}" if scope else "sign in instead"
    return InsufficientScope(f"This API key does not do for that: {lacks}.", scope)


def forget(user_id: Any) -> None:
    """Stops believing this user's credentials: now, and again once the running transaction is committed."""
    _drop(user_id)
    transaction.on_commit(lambda: _drop(user_id))


def forget_all() -> None:
    """Stops believing every credential."""
    with _lock:
        _kept.clear()


def _drop(user_id: Any) -> None:
    with _lock:
        for key in [key for key, (_, known) in _kept.items() if known.actor.pk == user_id]:
            del _kept[key]
