"""Invalid tokens, over both transports."""

import base64
import hmac
import json
import time
import uuid
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.core import signing
from jwt.utils import base64url_encode

from access.authentication import LEEWAY_SECONDS
from access.models import Session
from access.services import create_ticket, end_sessions, issue_refresh_token
from access.tokens import access_token, new_secret, signing_keys
from core.auth import authenticate
from core.errors import Unauthenticated
from tandem.auth.v1.auth_pb2 import RefreshTokenRequest
from tandem.user.v1.user_pb2 import GetUserRequest
from tests.support.credentials import forget_credentials
from tests.support.factories import ApiKeyFactory, bearer_of
from tests.support.transports import Failed, Transport
from users.models import User

ME = GetUserRequest(user_id="me")


def claims(session: Session, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    said = {
        "sub": str(session.user_id), "sid": str(session.pk), "roles": ["admin"], "iss": "tandem", "aud": "tandem",
        "iat": now, "exp": now + 900, "jti": "x",
    }  # fmt: skip
    return {name: value for name, value in (said | changes).items() if value is not None}


def signed(session: Session, **changes: Any) -> str:
    key = signing_keys()[0]
    return jwt.encode(claims(session, **changes), key.signing, key.algorithm, headers={"kid": key.kid})


def assert_unauthenticated(api: Transport, token: str) -> None:
    assert api.failure("UserService/GetUser", ME, authorization=f"Bearer {token}").reason == "UNAUTHENTICATED"


@pytest.fixture
def session(ann: User) -> Session:
    return Session.objects.create(user=ann)


def test_signed_token_is_accepted(api: Transport, session: Session) -> None:
    assert api("UserService/GetUser", ME, authorization=f"Bearer {signed(session)}").user.email == "ann@example.com"


def test_a_token_from_before_the_clock_was_set_back_a_little_is_accepted(api: Transport, session: Session) -> None:
    token = signed(session, iat=int(time.time()) + LEEWAY_SECONDS - 10)
    assert api("UserService/GetUser", ME, authorization=f"Bearer {token}").user.email == "ann@example.com"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 1},
        {"iat": int(time.time()) + 3600, "exp": int(time.time()) + 7200},
        {"nbf": int(time.time()) + 3600},
        {"iss": "somebody"},
        {"aud": "somebody"},
        {"sub": None},
        {"sid": None},
        {"exp": None},
        {"iat": None},
        {"jti": None},
        {"sub": "nonsense"},
        {"sub": 5},
        {"sid": str(uuid.uuid4())},
        {"sub": str(uuid.uuid4())},
    ],
)
def test_claims_that_do_not_fit(api: Transport, session: Session, changes: dict[str, Any]) -> None:
    assert_unauthenticated(api, signed(session, **changes))


def test_alg_none(api: Transport, session: Session) -> None:
    kid = signing_keys()[0].kid
    assert_unauthenticated(api, jwt.encode(claims(session), None, "none", headers={"kid": kid}))
    _, payload, signature = signed(session).split(".")
    none = (
        base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT", "kid": kid}).encode()).rstrip(b"=").decode()
    )
    assert_unauthenticated(api, f"{none}.{payload}.")
    assert_unauthenticated(api, f"{none}.{payload}.{signature}")


def test_foreign_key_is_rejected(api: Transport, session: Session, settings: Any) -> None:
    kid = {"kid": signing_keys()[0].kid}
    for key in ("x" * 64, settings.SECRET_KEY):
        assert_unauthenticated(api, jwt.encode(claims(session), key, "HS256", headers=kid))


def pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(ed25519.Ed25519PrivateKey.generate(), "EdDSA"), (rsa.generate_private_key(65537, 2048), "RS256")],
    ids=["ed25519", "rsa"],
)
def test_with_a_private_key_only_its_signature_counts(
    api: Transport, session: Session, settings: Any, key: Any, algorithm: str
) -> None:
    with_secret = signed(session)
    settings.JWT_PRIVATE_KEY = pem(key)
    good = access_token(session)
    assert jwt.get_unverified_header(good)["alg"] == algorithm
    assert api("UserService/GetUser", ME, authorization=f"Bearer {good}").user.email == "ann@example.com"
    assert_unauthenticated(api, with_secret)
    # Key confusion: the public key, which is published, used as the secret of an HMAC.
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    named = {"alg": "HS256", "typ": "JWT", "kid": signing_keys()[0].kid}
    header = base64.urlsafe_b64encode(json.dumps(named).encode()).rstrip(b"=")
    payload = base64.urlsafe_b64encode(json.dumps(claims(session)).encode()).rstrip(b"=")
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(header + b"." + payload, public)
    forged = b".".join((header, payload, base64.urlsafe_b64encode(signature).rstrip(b"=")))
    assert_unauthenticated(api, forged.decode())
    kid = {"kid": signing_keys()[0].kid}
    assert_unauthenticated(
        api, jwt.encode(claims(session), ec.generate_private_key(ec.SECP256R1()), "ES256", headers=kid)
    )
    for stranger, its_algorithm in (
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"), (rsa.generate_private_key(65537, 2048), "RS256"),
    ):  # fmt: skip
        assert_unauthenticated(api, jwt.encode(claims(session), stranger, its_algorithm, headers=kid))
    assert_unauthenticated(api, jwt.encode(claims(session), key, algorithm, headers={"kid": "nonsense"}))


def test_a_key_of_another_name(api: Transport, session: Session, settings: Any) -> None:
    settings.SECRET_KEY_FALLBACKS = ["another secret of ours, which is long enough"]
    key, other = signing_keys()
    for kid in (other.kid, "nonsense", "", "../../dev/null", "' OR 1=1 --", None):
        assert_unauthenticated(
            api,
            jwt.encode(claims(session), key.signing, key.algorithm, headers={"kid": kid} if kid is not None else {}),
        )
    for kid in (5, ["x"], {}):
        assert_unauthenticated(api, by_hand(session, {"alg": key.algorithm, "kid": kid}))


def by_hand(session: Session, header: dict[str, Any], digest: str = "sha256") -> str:
    """Return a token with this header, signed with the secret of the server."""
    parts = [base64url_encode(json.dumps(part).encode()) for part in (header, claims(session))]
    signature = hmac.digest(signing_keys()[0].signing, b".".join(parts), digest)
    return b".".join((*parts, base64url_encode(signature))).decode()


def test_a_header_that_brings_its_own_key(api: Transport, session: Session) -> None:
    kid = signing_keys()[0].kid
    header = {"alg": "HS256", "typ": "JWT", "kid": kid}
    assert api("UserService/GetUser", ME, authorization=f"Bearer {by_hand(session, header)}").user
    own = {"kty": "oct", "k": "eHh4eA", "kid": kid}
    for more in (
        {"jwk": own}, {"jku": "https://example.com/jwks.json"}, {"x5u": "https://example.com/x.pem"}, {"x5c": ["x"]},
        {"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"zip": "DEF"}, {"enc": "A128GCM"},
    ):  # fmt: skip
        assert_unauthenticated(api, by_hand(session, header | more))


def test_another_algorithm_with_our_key(api: Transport, session: Session) -> None:
    kid = signing_keys()[0].kid
    for algorithm, digest in (("HS384", "sha384"), ("HS512", "sha512"), ("hs256", "sha256"), ("RS256", "sha256")):
        assert_unauthenticated(api, by_hand(session, {"alg": algorithm, "kid": kid}, digest))


def test_the_token_of_a_session_that_has_ended(api: Transport, session: Session) -> None:
    good = signed(session)
    end_sessions(Session.objects.filter(pk=session.pk))
    assert_unauthenticated(api, good)


def test_the_token_of_another_kind_of_secret(api: Transport, session: Session) -> None:
    """A refresh token, a ticket and a page token are no access tokens."""
    assert_unauthenticated(api, issue_refresh_token(session, new_secret()))
    assert_unauthenticated(api, create_ticket(session.user, "/api/v1/tasks/stream", session_id=session.pk))
    assert_unauthenticated(api, signing.dumps({"sub": str(session.user_id), "sid": str(session.pk)}))


def test_a_refresh_token_is_no_api_key_and_the_reverse(api: Transport, session: Session) -> None:
    assert_unauthenticated(api, f"tdm_{session.pk}_{issue_refresh_token(session, new_secret())}")
    key = bearer_of(ApiKeyFactory(user=session.user)).removeprefix("Bearer ")
    with pytest.raises(Failed, match="UNAUTHENTICATED"):
        api("AuthService/RefreshToken", RefreshTokenRequest(refresh_token=key))


def test_damaged_tokens(api: Transport, session: Session) -> None:
    good = signed(session)
    header, payload, signature = good.split(".")
    forged = base64.urlsafe_b64encode(json.dumps(claims(session, roles=["admin"], sub=str(uuid.uuid4()))).encode())
    for token in (
        good[:-1], good[: len(good) // 2], good + "x", "x", ".", "..", f"{header}.{payload}.",
        f"{header}.{forged.rstrip(b'=').decode()}.{signature}", "x" * 5000, good + "." + "x" * 5000,
    ):  # fmt: skip
        assert_unauthenticated(api, token)


def test_another_spelling_of_a_token(api: Transport, session: Session) -> None:
    good = signed(session)
    header, payload, signature = good.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # 43 characters hold two bits more than the signature has.
    same_bytes = signature[:-1] + alphabet[alphabet.index(signature[-1]) ^ 1]
    for token in (
        good + "=", good + "==", f"{header}=.{payload}.{signature}", f"{header}.{payload}.!{signature}",
        f"{header}.{payload}.{signature[:5]} {signature[5:]}", f"{header}.{payload}.{same_bytes}", good + "\x0b",
        f"{header}.{payload}.{signature.replace(signature[0], chr(ord(signature[0]) + 0xFEE0), 1)}",
    ):  # fmt: skip
        with pytest.raises(Unauthenticated):
            authenticate(f"Bearer {token}")
        if token.isascii() and token.isprintable():
            assert_unauthenticated(api, token)


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer ", "Basic YW5uOng=", "nonsense", "Token abc"])
def test_credentials_of_another_kind(api: Transport, session: Session, authorization: str) -> None:
    with pytest.raises(Failed) as failed:
        api("UserService/GetUser", ME, authorization=authorization)
    assert failed.value.reason == "UNAUTHENTICATED"


def test_a_credential_that_is_sent_is_always_checked(api: Transport, session: Session, settings: Any) -> None:
    settings.DEBUG, settings.DEV_AUTH_AS = True, "ann@example.com"
    settings.DEV_AUTH_TOKEN = "anonymous-user"
    assert api("UserService/GetUser", ME).user.email == "ann@example.com"
    assert api("UserService/GetUser", ME, authorization="Bearer anonymous-user").user.email == "ann@example.com"
    assert_unauthenticated(api, "nonsense")
    settings.DEBUG = False
    forget_credentials()
    assert_unauthenticated(api, "anonymous-user")


def test_development_identity_needs_an_account(api: Transport, session: Session, settings: Any) -> None:
    settings.DEBUG, settings.DEV_AUTH_AS = True, "nobody@example.com"
    with pytest.raises(Failed) as failed:
        api("UserService/GetUser", ME)
    assert failed.value.reason == "UNAUTHENTICATED"
