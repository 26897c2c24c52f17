"""Access tokens: JWTs (RFC 7519, RFC 8725), and the secrets that refresh tokens are."""

import functools
import hashlib
import hmac
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings

from access.models import Session
from core.errors import Unauthenticated

LONGEST_TOKEN = 4096
_CLAIMS = ["sub", "sid", "iss", "aud", "iat", "exp", "jti"]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a good access token says: whose it is, and of which session."""

    user_id: uuid.UUID
    session_id: uuid.UUID


def access_token(session: Session) -> str:
    """A new access token of this session."""
    now = int(time.time())
    algorithm, private_key, _ = _key()
    claims = {
        "sub": str(session.user_id),
        "sid": str(session.pk),
        "roles": [role.name.lower() for role in session.user.named_roles],
        "iss": settings.JWT_ISSUER,
        "aud": settings.JWT_AUDIENCE,
        "iat": now,
        "exp": now + settings.ACCESS_TOKEN_SECONDS,
        "jti": uuid.uuid4().hex,
    }
    return jwt.encode(claims, private_key, algorithm)


def read_access_token(token: str) -> Claims:
    """What the token says.

    Raises:
        Unauthenticated: it is malformed, forged, expired, from the future, or made for somebody else.
    """
    algorithm, _, public_key = _key()
    if len(token) > LONGEST_TOKEN:
        raise _refused()
    try:
        # The algorithm is pinned: what the token's header says of it is not believed.
        claims = jwt.decode(
            token, public_key, [algorithm],
            issuer=settings.JWT_ISSUER, audience=settings.JWT_AUDIENCE, options={"require": _CLAIMS},
        )  # fmt: skip
        return Claims(uuid.UUID(claims["sub"]), uuid.UUID(claims["sid"]))
    except jwt.ExpiredSignatureError as exc:
        raise Unauthenticated("The access token has expired; refresh it.") from exc
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError) as exc:
        raise _refused() from exc


def new_refresh_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def successor_of(refresh_token: str) -> str:
    """The token that this one is exchanged for: always the same, so that a lost answer can be given again."""
    digest = hmac.digest(settings.SECRET_KEY.encode(), b"refresh:" + refresh_token.encode(), hashlib.sha256)
    return jwt.utils.base64url_encode(digest).decode()


def hash_of(refresh_token: str) -> bytes:
    """What is stored of a refresh token. It is random, so a plain hash suffices."""
    return hashlib.sha256(refresh_token.encode()).digest()


def _refused() -> Unauthenticated:
    return Unauthenticated("The access token is not valid; sign in again.")


@functools.lru_cache(maxsize=4)
def _key_of(pem: str, secret: str) -> tuple[str, Any, Any]:
    if not pem:
        # A key of its own, so that no other signature of SECRET_KEY is ever a token.
        key = hmac.digest(secret.encode(), b"access tokens", hashlib.sha256)
        return "HS256", key, key
    private_key = load_pem_private_key(pem.encode(), password=None)
    algorithm = "EdDSA" if isinstance(private_key, Ed25519PrivateKey) else "RS256"
    return algorithm, private_key, private_key.public_key()


def _key() -> tuple[str, Any, Any]:
    return _key_of(settings.JWT_PRIVATE_KEY, settings.SECRET_KEY)
