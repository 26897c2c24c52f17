"""What a credential means (`settings.AUTHENTICATE`)."""

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from access import tokens
from access.models import Session
from core.errors import Unauthenticated
from users.models import User

logger = logging.getLogger(__name__)


def authenticate(authorization: str | None) -> Any:
    """The user of this `Authorization` header; without one the development identity, if there is one.

    Raises:
        Unauthenticated: the credential is not good. One that is sent is always checked.
    """
    if not authorization:
        return _development_identity()
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send the access token as: Authorization: Bearer <token>.")
    claims = tokens.read_access_token(token.strip())
    session = Session.objects.select_related("user").filter(pk=claims.session_id, user_id=claims.user_id).first()
    if session is None or session.revoked_at is not None or not session.user.is_active:
        raise Unauthenticated("This session has ended; sign in again.")
    if session.created_at < session.user.tokens_valid_from:
        raise Unauthenticated("This session has ended; sign in again.")
    return session.user


def _development_identity() -> Any:
    if not (settings.DEBUG and settings.DEV_AUTH_AS):
        return AnonymousUser()
    user = User.objects.filter(email=settings.DEV_AUTH_AS.lower()).first()
    if user is None or not user.is_active:
        logger.warning("DEV_AUTH_AS names %s, who has no open account.", settings.DEV_AUTH_AS)
        return AnonymousUser()
    return user
