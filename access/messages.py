"""Sessions in the contract's words."""

from django.conf import settings

from access.services import Grant
from access.tokens import access_token
from tandem.auth.v1 import auth_pb2


def token_pair(grant: Grant) -> auth_pb2.TokenPair:
    """What a session works with."""
    return auth_pb2.TokenPair(
        access_token=access_token(grant.session),
        refresh_token=grant.refresh_token,
        token_type="bearer",  # noqa: S106 — a kind, no secret
        expires_in=settings.ACCESS_TOKEN_SECONDS,
    )
