"""What credentials look like: access tokens, which are JWTs (RFC 7519, RFC 8725), and secrets, which say nothing."""

import functools
import hashlib
import json
import re
import secrets
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from access.models import ApiKey, Session
from core.db import ids
from core.errors import Unauthenticated
from core.hmac_digests import hmac_digests

MAX_TOKEN_LENGTH = 4096
#: What API keys begin with: they are told from access tokens by it, and found by it where they were left lying about.
API_KEY_PREFIX = "tdm_"
_CLAIMS = ["sub", "sid", "iss", "aud", "iat", "exp", "jti"]
#: What a token's header may say. Whatever else it says (`jku`, `jwk`, `crit`, …) is an attempt to be believed.
_HEADER = {"alg", "kid", "typ"}
_MIN_RSA_KEY = 2048
#: The members of a public key that RFC 7638 makes its thumbprint of, and that are published.
_JWK_MEMBERS = {"OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}


@dataclass(frozen=True, slots=True)
class Claims:
    """What a good access token says: whose it is, of which session, and until when (in seconds since 1970)."""

    user_id: uuid.UUID
    session_id: uuid.UUID
    expires_at: float


@dataclass(frozen=True, slots=True)
class Key:
    """A key whose tokens are good.

    Attributes:
        kid: its name in a token's header.
        algorithm: the only one that it is used with.
        verifying: what checks a signature.
        signing: what makes one; None of a key that no longer does, or not yet.
        jwk: as the world may know it (RFC 7517); None of a secret.
    """

    kid: str
    algorithm: str
    verifying: Any
    signing: Any = None
    jwk: dict[str, str] | None = None


def access_token(session: Session) -> str:
    """A new access token of this session."""
    now = int(time.time())
    key = signing_keys()[0]
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
    return jwt.encode(claims, key.signing, key.algorithm, headers={"kid": key.kid})


def read_access_token(token: str) -> Claims:
    """What the token says.

    Raises:
        Unauthenticated: it is malformed, forged, expired, from the future, or made for somebody else.
    """
    if len(token) > MAX_TOKEN_LENGTH or not _is_spelled_as_issued(token):
        raise _refused()
    try:
        key = _key_of(jwt.get_unverified_header(token))
        # The algorithm is the key's: what the token's header says of it is not believed.
        claims = jwt.decode(
            token, key.verifying, [key.algorithm],
            issuer=settings.JWT_ISSUER, audience=settings.JWT_AUDIENCE, options={"require": _CLAIMS},
        )  # fmt: skip
        return Claims(uuid.UUID(claims["sub"]), uuid.UUID(claims["sid"]), float(claims["exp"]))
    except jwt.ExpiredSignatureError as exc:
        raise Unauthenticated("The access token has expired; refresh it.") from exc
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError) as exc:
        raise _refused() from exc


def signing_keys() -> Sequence[Key]:
    """The keys whose tokens are good; the first signs.

    Raises:
        ImproperlyConfigured: the settings hold what is no key, or a weak one.
    """
    secrets_now = () if settings.JWT_PRIVATE_KEY else tuple(hmac_digests(b"access tokens"))
    return _keys(settings.JWT_PRIVATE_KEY, settings.JWT_PUBLIC_KEYS, secrets_now)


def jwks() -> dict[str, list[dict[str, str]]]:
    """The public keys, for whoever checks our access tokens without asking us (RFC 7517)."""
    return {"keys": [key.jwk for key in signing_keys() if key.jwk is not None]}


def new_secret() -> str:
    """256 random bits, as text."""
    return secrets.token_urlsafe(32)


def successors_of(refresh_token: str) -> list[str]:
    """The token that this one is exchanged for: always the same, so that a lost answer can be given again.

    After it, what it was by the server keys that were or will be the current one.
    """
    return [
        jwt.utils.base64url_encode(digest).decode() for digest in hmac_digests(b"refresh:" + refresh_token.encode())
    ]


def hash_of(secret: str) -> bytes:
    """What is stored of a secret.

    It has 256 random bits, which nobody guesses however fast the hash: a slow one, as for passwords, would only cost.
    """
    return hashlib.sha256(secret.encode()).digest()


def api_key_text(key: ApiKey, secret: str) -> str:
    """What its holder sends."""
    return f"{API_KEY_PREFIX}{key.pk}_{secret}"


def read_api_key(token: str) -> tuple[uuid.UUID | None, str]:
    """The id and the secret of an API key as it is sent; without an id it is none."""
    key_id, _, secret = token.removeprefix(API_KEY_PREFIX).partition("_")
    parsed = ids.parsed(key_id) if len(token) <= MAX_TOKEN_LENGTH else None
    return (parsed if str(parsed) == key_id else None), secret


def _is_spelled_as_issued(token: str) -> bool:
    """Return whether each part of a JWT is base64url in the one form that RFC 7515 allows.

    Decoders pass over padding, foreign characters and unused bits, so that one token would have many spellings.
    """
    parts = token.split(".")
    return all(re.fullmatch(r"[A-Za-z0-9_-]*", part) and _is_canonical(part) for part in parts)


def _is_canonical(part: str) -> bool:
    try:
        return jwt.utils.base64url_encode(jwt.utils.base64url_decode(part)).decode() == part
    except ValueError:
        return False


def _refused() -> Unauthenticated:
    return Unauthenticated("The access token is not valid; sign in again.")


def _key_of(header: dict[str, Any]) -> Key:
    for key in signing_keys():
        if key.kid == header.get("kid") and header.keys() <= _HEADER:
            return key
    raise jwt.InvalidTokenError("No key of ours has that name.")


@functools.lru_cache(maxsize=4)
def _keys(private_pem: str, public_pems: str, secret_keys: tuple[bytes, ...]) -> tuple[Key, ...]:
    keys = [_secret_key(secret) for secret in secret_keys]
    try:
        if private_pem:
            private = load_pem_private_key(private_pem.encode(), password=None)
            keys.append(_public_key(private.public_key(), private))
        pems = re.split("(?=-----BEGIN )", public_pems)
        keys += [_public_key(load_pem_public_key(pem.encode())) for pem in pems if pem.strip()]
    except (ValueError, TypeError) as exc:
        message = "JWT_PRIVATE_KEY takes a PEM key without a password, JWT_PUBLIC_KEYS PEM public keys."
        raise ImproperlyConfigured(message) from exc
    by_name: dict[str, Key] = {}
    for key in keys:
        # The key that signs may well stand among the public ones too.
        by_name.setdefault(key.kid, key)
    return tuple(by_name.values())


def _secret_key(secret: bytes) -> Key:
    kid = jwt.utils.base64url_encode(hashlib.sha256(b"kid:" + secret).digest()[:12]).decode()
    return Key(kid, "HS256", secret, secret)


def _public_key(public: Any, private: Any = None) -> Key:
    if isinstance(public, Ed25519PublicKey):
        algorithm, jwk = "EdDSA", OKPAlgorithm.to_jwk(public, as_dict=True)
    elif isinstance(public, RSAPublicKey) and public.key_size >= _MIN_RSA_KEY:
        algorithm, jwk = "RS256", RSAAlgorithm.to_jwk(public, as_dict=True)
    else:
        raise ImproperlyConfigured("Access tokens are signed with an Ed25519 key, or an RSA key of 2048 bits or more.")
    members = {name: str(jwk[name]) for name in _JWK_MEMBERS[jwk["kty"]]}
    told = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    kid = jwt.utils.base64url_encode(hashlib.sha256(told).digest()).decode()
    return Key(kid, algorithm, public, private, {**members, "kid": kid, "alg": algorithm, "use": "sig"})
