"""Signing keys are rotated without ending sessions, and the current ones are published."""

import hashlib
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from access.models import Session
from access.services import issue_refresh_token
from access.tokens import access_token, new_secret, signing_keys
from tandem.auth.v1.auth_pb2 import RefreshTokenRequest
from tandem.user.v1.user_pb2 import CreateUserRequest, GetUserRequest, ListUsersRequest
from tests.support.factories import UserFactory
from tests.support.transports import Failed, Transport
from users.models import User

ME = GetUserRequest(user_id="me")
OLD, NEW = "old-" + "o" * 40, "new-" + "n" * 40
ED25519 = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(65537, 2048)


def pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: Any) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def works(api: Transport, token: str) -> bool:
    try:
        api("UserService/GetUser", ME, authorization=f"Bearer {token}")
    except Failed as failed:
        assert failed.reason == "UNAUTHENTICATED"
        return False
    return True


def refresh(api: Transport, token: str) -> str:
    return str(api("AuthService/RefreshToken", RefreshTokenRequest(refresh_token=token)).refresh_token)


@pytest.fixture
def session(ann: User) -> Session:
    return Session.objects.create(user=ann)


# The secret


@pytest.mark.parametrize(("secret", "others"), [(NEW, [OLD]), (OLD, [NEW])], ids=["changed", "announced"])
def test_tokens_of_the_other_secret_are_good(
    api: Transport, session: Session, settings: Any, secret: str, others: list[str]
) -> None:
    settings.SECRET_KEY = others[0]
    token = access_token(session)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = secret, others
    assert works(api, token)
    assert works(api, access_token(session))


def test_tokens_of_a_secret_that_was_dropped_are_refused(api: Transport, session: Session, settings: Any) -> None:
    settings.SECRET_KEY = OLD
    token = access_token(session)
    settings.SECRET_KEY = NEW
    assert not works(api, token)


def test_lost_answer_is_repeated_after_a_rotation(api: Transport, session: Session, settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, [NEW]
    token = issue_refresh_token(session, new_secret())
    lost = refresh(api, token)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert refresh(api, token) == lost
    assert refresh(api, refresh(api, lost))


def test_lost_answer_of_a_newer_process_is_repeated(api: Transport, session: Session, settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    token = issue_refresh_token(session, new_secret())
    lost = refresh(api, token)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, [NEW]
    assert refresh(api, token) == lost


def test_reuse_ends_the_session_after_a_rotation(api: Transport, session: Session, settings: Any) -> None:
    settings.SECRET_KEY = OLD
    token = issue_refresh_token(session, new_secret())
    last = refresh(api, refresh(api, token))
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    for used in (token, last):
        with pytest.raises(Failed, match="UNAUTHENTICATED"):
            refresh(api, used)


def test_a_write_is_still_known_by_its_key(api: Transport, administrator: User, settings: Any) -> None:
    request = CreateUserRequest(email="new@example.com")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, [NEW]
    made = api.answer("UserService/CreateUser", request, actor=administrator, idempotency_key="k-1")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    again = api.answer("UserService/CreateUser", request, actor=administrator, idempotency_key="k-1")
    assert again.replayed
    assert again.message == made.message
    with pytest.raises(Failed, match="IDEMPOTENCY_KEY_REUSED"):
        other = CreateUserRequest(email="other@example.com")
        api("UserService/CreateUser", other, actor=administrator, idempotency_key="k-1")


def test_list_continues_after_a_rotation(api: Transport, administrator: User, settings: Any) -> None:
    UserFactory.create_batch(3)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, [NEW]
    first = api("UserService/ListUsers", ListUsersRequest(pagination={"page_size": 2}), actor=administrator)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    rest = ListUsersRequest(pagination={"page_size": 2, "page_token": first.pagination.next_page_token})
    assert len(api("UserService/ListUsers", rest, actor=administrator).users) == 2


# The private key


@pytest.mark.parametrize(("before", "after"), [(ED25519, RSA), (RSA, ED25519)], ids=["to RSA", "to Ed25519"])
def test_tokens_of_the_key_before_are_good_while_it_is_listed(
    api: Transport, session: Session, settings: Any, before: Any, after: Any
) -> None:
    settings.JWT_PRIVATE_KEY = pem(before)
    token = access_token(session)
    settings.JWT_PRIVATE_KEY = pem(after)
    assert not works(api, token)
    settings.JWT_PUBLIC_KEYS = public_pem(after) + public_pem(before)
    assert works(api, token)
    assert works(api, access_token(session))
    assert len(signing_keys()) == 2


def test_the_set_of_keys_is_what_others_check_tokens_by(
    db: None, client: Client, session: Session, settings: Any
) -> None:
    settings.JWT_PRIVATE_KEY = pem(ED25519)
    settings.JWT_PUBLIC_KEYS = public_pem(RSA)
    response = client.get("/.well-known/jwks.json", HTTP_HOST="localhost")
    assert response.headers["Content-Type"] == "application/jwk-set+json"
    assert response.headers["Cache-Control"] == "public, max-age=300"
    published = json.loads(response.content)
    assert [(key["alg"], key["use"]) for key in published["keys"]] == [("EdDSA", "sig"), ("RS256", "sig")]
    assert not {"d", "p", "q", "k"} & {name for key in published["keys"] for name in key}
    for private in (pem(ED25519), pem(RSA)):
        settings.JWT_PRIVATE_KEY = private
        token = access_token(session)
        header = jwt.get_unverified_header(token)
        key = jwt.PyJWKSet.from_dict(published)[header["kid"]]
        claims = jwt.decode(token, key.key, [header["alg"]], audience="tandem", issuer="tandem")
        assert claims["sub"] == str(session.user_id)


def test_the_name_of_a_key_is_its_thumbprint(db: None, settings: Any) -> None:
    """RFC 8037, appendix A.3."""
    settings.JWT_PUBLIC_KEYS = public_pem(
        ed25519.Ed25519PrivateKey.from_private_bytes(
            bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
        )
    )
    assert signing_keys()[-1].kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_no_secret_is_published(client: Client, session: Session, settings: Any) -> None:
    assert json.loads(client.get("/.well-known/jwks.json", HTTP_HOST="localhost").content) == {"keys": []}
    kid = jwt.get_unverified_header(access_token(session))["kid"]
    secret = signing_keys()[0].signing
    assert kid.encode() not in (secret, hashlib.sha256(secret).digest())


def test_keys_are_public(client: Client, db: None) -> None:
    assert client.get("/.well-known/jwks.json", HTTP_HOST="localhost").status_code == 200
    assert client.post("/.well-known/jwks.json", HTTP_HOST="localhost").status_code == 405


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_PRIVATE_KEY", "nonsense"),
        ("JWT_PRIVATE_KEY", public_pem(RSA)),
        ("JWT_PRIVATE_KEY", pem(ec.generate_private_key(ec.SECP256R1()))),
        ("JWT_PRIVATE_KEY", pem(rsa.generate_private_key(65537, 1024))),
        ("JWT_PUBLIC_KEYS", pem(RSA)),
        ("JWT_PUBLIC_KEYS", "-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----"),
        ("JWT_PUBLIC_KEYS", "nonsense"),
    ],
)
def test_invalid_key_stops_the_start(settings: Any, name: str, value: str) -> None:
    setattr(settings, name, value)
    with pytest.raises(ImproperlyConfigured):
        signing_keys()
