"""Formats of credentials: access tokens, which are JWTs (RFC 7519, RFC 8725), and random secrets."""

import functools
import hashlib
import json
import re
import secrets
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
from core.db import clock, ids
from core.errors import Unauthenticated
from core.hmac_digests import hmac_digests

MAX_TOKEN_LENGTH = 4096
#: Prefix of API keys. It distinguishes them from access tokens and lets secret scanners find leaked ones.
API_KEY_PREFIX = "tdm_"
#: The library would compare the times with this machine's clock, which may be wrong.
_OPTIONS: Any = {
    "require": ["sub", "sid", "iss", "aud", "iat", "exp", "jti"],
    "verify_iat": False, "verify_exp": False,
}  # fmt: skip
#: The members a token's header may have. Any other (`jku`, `jwk`, `crit`, …) may be an attempt to supply a key.
_HEADER = {"alg", "kid", "typ"}
_MIN_RSA_KEY = 2048
#: The members of a public key that are published, and that RFC 7638 computes its thumbprint from.
_JWK_MEMBERS = {"OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims of a genuine access token.

    Attributes:
        issued_at, expires_at: in seconds since 1970, by the database's clock. The reader compares them with it.
    """

    user_id: uuid.UUID
    session_id: uuid.UUID
    issued_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Key:
    """A key whose tokens are accepted.

    Attributes:
        kid: its id in a token's header.
        algorithm: the only algorithm that it is used with.
        verifying: key that verifies a signature.
        signing: key that creates a signature; None if the key only verifies.
        jwk: the public key as published (RFC 7517); None for a secret.
    """

    kid: str
    algorithm: str
    verifying: Any
    signing: Any = None
    jwk: dict[str, str] | None = None


def access_token(session: Session) -> str:
    """Create an access token for this session, with times by the database's clock."""
    now = int(clock.now().timestamp())
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
    """Verify the signature of an access token and return its claims. Its times are not verified.

    Raises:
        Unauthenticated: it is malformed, forged, or for another issuer or audience.
    """
    if len(token) > MAX_TOKEN_LENGTH or not _is_spelled_as_issued(token):
        raise invalid_token()
    try:
        key = _key_of(jwt.get_unverified_header(token))
        # The algorithm is the key's; the `alg` of the token's header is not trusted.
        claims = jwt.decode(
            token, key.verifying, [key.algorithm],
            issuer=settings.JWT_ISSUER, audience=settings.JWT_AUDIENCE, options=_OPTIONS,
        )  # fmt: skip
        times = float(claims["iat"]), float(claims["exp"])
        return Claims(uuid.UUID(claims["sub"]), uuid.UUID(claims["sid"]), *times)
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError) as exc:
        raise invalid_token() from exc


def signing_keys() -> Sequence[Key]:
    """Return the keys whose tokens are accepted; the first one signs.

    Raises:
        ImproperlyConfigured: the settings hold an invalid or a weak key.
    """
    secret_keys = () if settings.JWT_PRIVATE_KEY else tuple(hmac_digests(b"access tokens"))
    return _keys(settings.JWT_PRIVATE_KEY, settings.JWT_PUBLIC_KEYS, secret_keys)


def jwks() -> dict[str, list[dict[str, str]]]:
    """Return the public keys (RFC 7517), with which other services verify our access tokens themselves."""
    return {"keys": [key.jwk for key in signing_keys() if key.jwk is not None]}


def new_secret() -> str:
    """Return 256 random bits as base64url text."""
    return secrets.token_urlsafe(32)


def successors_of(refresh_token: str) -> list[str]:
    """Return the token that this one is exchanged for, followed by those under the previous or next server keys.

    The successor is always the same, so that a lost response can be repeated.
    """
    return [
        jwt.utils.base64url_encode(digest).decode() for digest in hmac_digests(b"refresh:" + refresh_token.encode())
    ]


def hash_of(secret: str) -> bytes:
    """Return the hash that is stored of a secret.

    A fast hash suffices: a secret has 256 random bits, which cannot be guessed.
    """
    return hashlib.sha256(secret.encode()).digest()


def api_key_text(key: ApiKey, secret: str) -> str:
    """Return the text of a key that its holder sends."""
    return f"{API_KEY_PREFIX}{key.pk}_{secret}"


def read_api_key(token: str) -> tuple[uuid.UUID | None, str]:
    """Return the id and the secret in the text of an API key; the id is None if the text is not a valid key."""
    key_id, _, secret = token.removeprefix(API_KEY_PREFIX).partition("_")
    parsed = ids.parsed(key_id) if len(token) <= MAX_TOKEN_LENGTH else None
    return (parsed if str(parsed) == key_id else None), secret


def _is_spelled_as_issued(token: str) -> bool:
    """Return whether each part of a JWT is base64url in the one form that RFC 7515 allows.

    Decoders ignore padding, foreign characters and unused bits, so one token would otherwise have many spellings.
    """
    parts = token.split(".")
    return all(re.fullmatch(r"[A-Za-z0-9_-]*", part) and _is_canonical(part) for part in parts)


def _is_canonical(part: str) -> bool:
    try:
        return jwt.utils.base64url_encode(jwt.utils.base64url_decode(part)).decode() == part
    except ValueError:
        return False


def invalid_token() -> Unauthenticated:
    """Return the failure of a token that was not issued as it is."""
    return Unauthenticated("The access token is not valid; sign in again.")


def _key_of(header: dict[str, Any]) -> Key:
    for key in signing_keys():
        if key.kid == header.get("kid") and header.keys() <= _HEADER:
            return key
    raise jwt.InvalidTokenError("Unknown key id.")


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
        message = "JWT_PRIVATE_KEY must be a PEM key without a password, and JWT_PUBLIC_KEYS PEM public keys."
        raise ImproperlyConfigured(message) from exc
    by_name: dict[str, Key] = {}
    for key in keys:
        # The signing key may also be listed among the public keys.
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
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    kid = jwt.utils.base64url_encode(hashlib.sha256(canonical).digest()).decode()
    return Key(kid, algorithm, public, private, {**members, "kid": kid, "alg": algorithm, "use": "sig"})
