"""Conversion of credentials to the messages of auth.v1."""

from uuid import UUID

from django.conf import settings

from access.models import ApiKey, Session
from access.services import Grant
from access.tokens import access_token
from core.conversions import set_timestamp
from tandem.auth.v1 import auth_pb2


def token_pair(grant: Grant) -> auth_pb2.TokenPair:
    """Return a new access token and the refresh token of a session."""
    return auth_pb2.TokenPair(
        access_token=access_token(grant.session),
        refresh_token=grant.refresh_token,
        token_type="bearer",  # noqa: S106 — a token type, not a secret
        expires_in=settings.ACCESS_TOKEN_SECONDS,
    )


def session_message(session: Session, current: UUID | None) -> auth_pb2.Session:
    """Return the message of a session; `current` is the id of the session of the call."""
    message = auth_pb2.Session(
        id=str(session.pk), ip=session.address, user_agent=session.user_agent, current=session.pk == current
    )
    set_timestamp(message.created_at, session.created_at)
    set_timestamp(message.last_used_at, session.last_used_at)
    return message


def api_key_message(key: ApiKey) -> auth_pb2.ApiKey:
    """Return the message of a key, without its secret, of which only the hash is stored."""
    message = auth_pb2.ApiKey(id=str(key.pk), name=key.name, scopes=key.scopes)
    set_timestamp(message.created_at, key.created_at)
    if key.expires_at:
        set_timestamp(message.expires_at, key.expires_at)
    if key.last_used_at:
        set_timestamp(message.last_used_at, key.last_used_at)
    return message
