"""Authentication of credentials (`settings.AUTHENTICATE`, `AUTHENTICATE_CERTIFICATE`) and their renewal (`RENEW`)."""

import hmac
import logging
import time
from collections.abc import Collection, Set
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db.models.functions import Now

from access import services, tokens
from access.models import ApiKey, Session
from core.auth import ANONYMOUS, Credential
from core.errors import Unauthenticated
from users.models import User
from users.queries import find_by_email

logger = logging.getLogger(__name__)

#: How much later than now an access token may have been issued: the database's clock may be set back.
LEEWAY_SECONDS = 60


def authenticate(authorization: str | None) -> Credential:
    """Return the credential of an `Authorization` header; without a header, the development identity or `ANONYMOUS`.

    `DEV_AUTH_TOKEN` counts as no header.

    Raises:
        Unauthenticated: the credential is not valid. A credential that is sent is always checked.
    """
    if not authorization:
        return _development_identity()
    scheme, _, token = authorization.partition(" ")
    token = token.strip(" \t")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("Send the access token or API key as: Authorization: Bearer <token>.")
    if settings.DEBUG and settings.DEV_AUTH_AS and token == settings.DEV_AUTH_TOKEN:
        return _development_identity()
    return _by_api_key(token) if token.startswith(tokens.API_KEY_PREFIX) else _by_access_token(token)


def authenticate_certificate(uri: str) -> Credential | None:
    """Return the credential of a client certificate with this URI; None if no service account has it."""
    key = ApiKey.objects.select_related("user").filter(certificate_uri=uri, revoked_at=None).first() if uri else None
    if key is None or not key.is_good:
        return None
    services.note_key_use(key)
    return Credential(key.user, scopes=frozenset(key.scopes), key_id=key.pk)


def renew(credentials: Collection[Credential]) -> dict[Credential, Credential]:
    """Return the current state of these credentials; those that are no longer valid are left out.

    It takes at most three queries for any number of credentials.
    """
    now = time.monotonic()
    running = [known for known in credentials if known.expires_at is None or known.expires_at > now]
    sessions = _rows_by_id(Session, {known.session_id for known in running})
    keys = _rows_by_id(ApiKey, {known.key_id for known in running})
    users = User.objects.in_bulk({k.actor.pk for k in running if k.session_id is None and k.key_id is None})
    renewed = {}
    for known in running:
        if known.session_id is not None:
            session = sessions.get(known.session_id)
            user = session.user if session and session.is_open else None
        elif known.key_id is not None:
            key = keys.get(known.key_id)
            user = key.user if key and key.is_good else None
        else:
            user = users.get(known.actor.pk)
        if user is not None and user.is_active:
            renewed[known] = replace(known, actor=user)
    return renewed


def _rows_by_id(model: Any, ids: Set[Any]) -> dict[Any, Any]:
    wanted = ids - {None}
    return {row.pk: row for row in model.objects.select_related("user").filter(pk__in=wanted)} if wanted else {}


def _by_access_token(token: str) -> Credential:
    claims = tokens.read_access_token(token)
    sessions = Session.objects.select_related("user").annotate(now=Now())
    session = sessions.filter(pk=claims.session_id, user_id=claims.user_id).first()
    if session is None:
        raise _session_ended()
    now = session.now.timestamp()
    if claims.expires_at <= now:
        raise Unauthenticated("The access token has expired; refresh it.")
    if claims.issued_at > now + LEEWAY_SECONDS:
        raise tokens.invalid_token()
    if not session.is_open:
        raise _session_ended()
    return Credential(session.user, session_id=session.pk, expires_at=time.monotonic() + claims.expires_at - now)


def _session_ended() -> Unauthenticated:
    return Unauthenticated("This session has ended; sign in again.")


def _by_api_key(token: str) -> Credential:
    key_id, secret = tokens.read_api_key(token)
    key = ApiKey.objects.select_related("user").filter(pk=key_id).first() if key_id else None
    # One message for all cases, so that a caller cannot find out which keys exist or existed.
    if key is None or not hmac.compare_digest(bytes(key.secret_hash), tokens.hash_of(secret)) or not key.is_good:
        raise Unauthenticated("This API key is not valid: it is unknown, revoked or expired.")
    services.note_key_use(key)
    return Credential(key.user, scopes=frozenset(key.scopes), key_id=key.pk)


def _development_identity() -> Credential:
    if not (settings.DEBUG and settings.DEV_AUTH_AS):
        return ANONYMOUS
    user = find_by_email(settings.DEV_AUTH_AS)
    if user is None or not user.is_active:
        logger.warning("DEV_AUTH_AS is %s, which is not the e-mail of an active account.", settings.DEV_AUTH_AS)
        return ANONYMOUS
    return Credential(user)
