"""What a credential means (`settings.AUTHENTICATE`)."""

import hmac
import logging

from django.conf import settings

from access import services, tokens
from access.models import ApiKey, Session
from core.auth import NOBODY, Credential
from core.errors import Unauthenticated
from users.models import User

logger = logging.getLogger(__name__)


def authenticate(authorization: str | None) -> Credential:
    """What this `Authorization` header is worth; without one the development identity, if there is one.

    Raises:
        Unauthenticated: the credential is not good. One that is sent is always checked.
    """
    if not authorization:
        return _development_identity()
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("Send the access token or API key as: Authorization: Bearer <token>.")
    return _by_api_key(token) if token.startswith(tokens.API_KEY_PREFIX) else _by_access_token(token)


def _by_access_token(token: str) -> Credential:
    claims = tokens.read_access_token(token)
    session = Session.objects.select_related("user").filter(pk=claims.session_id, user_id=claims.user_id).first()
    if session is None or not session.is_open:
        raise Unauthenticated("This session has ended; sign in again.")
    return Credential(session.user, session_id=session.pk)


def _by_api_key(token: str) -> Credential:
    key_id, secret = tokens.read_api_key(token)
    key = ApiKey.objects.select_related("user").filter(pk=key_id).first() if key_id else None
    # One answer for all, so that it cannot be found out which keys there were.
    if key is None or not hmac.compare_digest(bytes(key.secret_hash), tokens.hash_of(secret)) or not key.is_good:
        raise Unauthenticated("This API key is not valid: it is unknown, revoked or expired.")
    services.note_key_use(key)
    return Credential(key.user, scopes=frozenset(key.scopes))


def _development_identity() -> Credential:
    if not (settings.DEBUG and settings.DEV_AUTH_AS):
        return NOBODY
    user = User.objects.filter(email=settings.DEV_AUTH_AS.lower()).first()
    if user is None or not user.is_active:
        logger.warning("DEV_AUTH_AS names %s, who has no open account.", settings.DEV_AUTH_AS)
        return NOBODY
    return Credential(user)
