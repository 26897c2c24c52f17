"""Tokens that are not good for anything, on both doors."""

import base64
import json
import time
import uuid
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from access.models import Session
from access.tokens import access_token, signing_keys
from tandem.user.v1.user_pb2 import GetUserRequest
from tests.doors import Door, Failed
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


def refused(api: Door, token: str) -> None:
    with pytest.raises(Failed) as failed:
        api("UserService/GetUser", ME, authorization=f"Bearer {token}")
    assert failed.value.reason == "UNAUTHENTICATED"


@pytest.fixture
def session(ann: User) -> Session:
    return Session.objects.create(user=ann)


def test_what_we_sign_is_good(api: Door, session: Session) -> None:
    assert api("UserService/GetUser", ME, authorization=f"Bearer {signed(session)}").user.email == "ann@example.com"


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
def test_claims_that_do_not_fit(api: Door, session: Session, changes: dict[str, Any]) -> None:
    refused(api, signed(session, **changes))


def test_alg_none(api: Door, session: Session) -> None:
    refused(api, jwt.encode(claims(session), None, "none"))
    _, payload, signature = signed(session).split(".")
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    refused(api, f"{none}.{payload}.")
    refused(api, f"{none}.{payload}.{signature}")


def test_a_stranger_key(api: Door, session: Session) -> None:
    refused(api, jwt.encode(claims(session), "x" * 64, "HS256"))
    refused(api, jwt.encode(claims(session), "x" * 64, "HS512"))


def pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(ed25519.Ed25519PrivateKey.generate(), "EdDSA"), (rsa.generate_private_key(65537, 2048), "RS256")],
    ids=["ed25519", "rsa"],
)
def test_with_a_private_key_only_its_signature_counts(
    api: Door, session: Session, settings: Any, key: Any, algorithm: str
) -> None:
    with_secret = signed(session)
    settings.JWT_PRIVATE_KEY = pem(key)
    good = access_token(session)
    assert jwt.get_unverified_header(good)["alg"] == algorithm
    assert api("UserService/GetUser", ME, authorization=f"Bearer {good}").user.email == "ann@example.com"
    refused(api, with_secret)
    # Key confusion: the public key, which anyone may have, used as the secret of an HMAC.
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
    payload = base64.urlsafe_b64encode(json.dumps(claims(session)).encode()).rstrip(b"=")
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(header + b"." + payload, public)
    refused(api, b".".join((header, payload, base64.urlsafe_b64encode(signature).rstrip(b"="))).decode())
    refused(api, jwt.encode(claims(session), ec.generate_private_key(ec.SECP256R1()), "ES256"))


def test_damaged_tokens(api: Door, session: Session) -> None:
    good = signed(session)
    header, payload, signature = good.split(".")
    forged = base64.urlsafe_b64encode(json.dumps(claims(session, roles=["admin"], sub=str(uuid.uuid4()))).encode())
    for token in (
        good[:-1], good[: len(good) // 2], good + "x", "x", ".", "..", f"{header}.{payload}.",
        f"{header}.{forged.rstrip(b'=').decode()}.{signature}", "x" * 5000, good + "." + "x" * 5000,
    ):  # fmt: skip
        refused(api, token)


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer ", "Basic YW5uOng=", "nonsense", "Token abc"])
def test_credentials_of_another_kind(api: Door, session: Session, authorization: str) -> None:
    with pytest.raises(Failed) as failed:
        api("UserService/GetUser", ME, authorization=authorization)
    assert failed.value.reason == "UNAUTHENTICATED"


def test_a_credential_that_is_sent_is_always_checked(api: Door, session: Session, settings: Any) -> None:
    settings.DEBUG, settings.DEV_AUTH_AS = True, "ann@example.com"
    assert api("UserService/GetUser", ME).user.email == "ann@example.com"
    refused(api, "nonsense")


def test_the_development_identity_is_nobody_without_an_account(api: Door, session: Session, settings: Any) -> None:
    settings.DEBUG, settings.DEV_AUTH_AS = True, "nobody@example.com"
    with pytest.raises(Failed) as failed:
        api("UserService/GetUser", ME)
    assert failed.value.reason == "UNAUTHENTICATED"
