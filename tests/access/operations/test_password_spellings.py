"""One password, whichever keyboard, browser or system wrote its letters and spaces."""

from typing import Any

import argon2
import bcrypt
import pytest
from django.contrib.auth.hashers import make_password

from tandem.auth.v1.auth_pb2 import LoginRequest
from tandem.user.v1.user_pb2 import ChangePasswordRequest, CreateUserRequest, RequestPasswordResetRequest
from tandem.user.v1.user_pb2 import ResetPasswordRequest as Reset
from tests.jobs import mails, token_in
from tests.support.factories import UserFactory
from tests.support.transports import Failed, Transport
from users.models import User
from users.passwords import hashers
from users.passwords.imported_hashes import stored_form

COMPOSED = "caf\u00e9 \ud55c\uad6d \u00c5ngstr\u00f6m"
DECOMPOSED = "cafe\u0301 \u1112\u1161\u11ab\u1100\u116e\u11a8 A\u030angstro\u0308m"
KEYBOARDS = [COMPOSED, DECOMPOSED, COMPOSED.replace(" ", "\u00a0"), DECOMPOSED.replace(" ", "\u3000"), "caf\u00e9 \ud55c\uad6d \u212bngstro\u0308m"]  # fmt: skip  # noqa: E501
OTHER = "staple battery h\u00f6rse"


def logs_in(api: Transport, password: str, email: str = "ann@example.com") -> bool:
    try:
        return bool(api("AuthService/Login", LoginRequest(email=email, password=password)).access_token)
    except Failed as exc:
        assert exc.reason == "UNAUTHENTICATED"
        return False


@pytest.mark.parametrize("keyboard", KEYBOARDS)
def test_equivalent_unicode_spellings_of_a_password_log_in(api: Transport, keyboard: str) -> None:
    api("UserService/CreateUser", CreateUserRequest(email="ann@example.com", password=keyboard))
    assert all(logs_in(api, other) for other in KEYBOARDS)
    assert not logs_in(api, "cafe \ud55c\uad6d Angstrom")
    assert User.objects.get().check_password(COMPOSED)


def test_a_change_and_a_reset_set_the_one_form(api: Transport, ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(password=make_password(COMPOSED))
    change = ChangePasswordRequest(user_id="me", current_password=DECOMPOSED, new_password=OTHER)
    api("UserService/ChangePassword", change, actor=ann)
    assert logs_in(api, "staple battery ho\u0308rse")
    api("UserService/RequestPasswordReset", RequestPasswordResetRequest(email=ann.email))
    token = token_in(mails()[-1])
    api("UserService/ResetPassword", Reset(token=token, new_password=DECOMPOSED))
    ann.refresh_from_db()
    assert hashers.verify(COMPOSED, ann.password) == (True, False)


@pytest.mark.parametrize("made_of", KEYBOARDS)
def test_an_old_hash_of_any_spelling_is_good_and_renewed(api: Transport, ann: User, made_of: str) -> None:
    """Made of what was typed; only the composed and decomposed forms can be known from another keyboard."""
    User.objects.filter(pk=ann.pk).update(password=make_password(made_of))
    assert logs_in(api, made_of)
    ann.refresh_from_db()
    assert hashers.verify(COMPOSED, ann.password) == (True, False)
    assert all(logs_in(api, other) for other in KEYBOARDS)


def test_a_mac_s_old_hash_is_good_for_other_keyboards(api: Transport, ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(password=make_password(DECOMPOSED))
    assert logs_in(api, COMPOSED)


@pytest.mark.parametrize("made_of", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("scheme", ["bcrypt", "argon2"])
def test_an_imported_hash_of_either_form_is_good(api: Transport, ann: User, scheme: str, made_of: str) -> None:
    encoded = made_of.encode()
    brought = {
        "bcrypt": lambda: bcrypt.hashpw(encoded, bcrypt.gensalt(4)).decode(),
        "argon2": lambda: argon2.PasswordHasher(time_cost=2, memory_cost=64, parallelism=1).hash(encoded),
    }[scheme]()
    User.objects.filter(pk=ann.pk).update(password=stored_form(brought))
    assert logs_in(api, COMPOSED)
    ann.refresh_from_db()
    assert hashers.verify(DECOMPOSED, ann.password) == (True, False)


@pytest.mark.parametrize("password", ["only ascii here", COMPOSED, DECOMPOSED, KEYBOARDS[2], KEYBOARDS[3]])
def test_an_unknown_account_costs_as_many_hashes_as_a_wrong_password(
    api: Transport, ann: User, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.filter(pk=ann.pk).update(password=make_password("another password"))
    UserFactory(email="none@example.com")
    made: list[str] = []
    encode = hashers.Argon2idHasher.encode
    monkeypatch.setattr(
        hashers.Argon2idHasher, "encode", lambda self, text, salt: (made.append(text), encode(self, text, salt))[1]
    )
    counts = []
    for email in ("ann@example.com", "nobody@example.com", "none@example.com"):
        made.clear()
        assert not logs_in(api, password, email)
        counts.append(len(made))
    assert len(set(counts)) == 1
    assert (counts[0] == 1) is password.isascii()
    assert counts[0] <= 4


def test_a_name_in_the_password_is_found_in_either_form(api: Transport) -> None:
    request: Any = CreateUserRequest(
        email="x@example.com", first_name="Fran\u00e7ois", password="francois fran\u0063\u0327ois 77"
    )
    with pytest.raises(Failed) as failed:
        api("UserService/CreateUser", request)
    assert failed.value.fields == {"password": "password_too_similar"}


def test_a_password_is_as_long_as_its_one_form(api: Transport) -> None:
    with pytest.raises(Failed) as failed:
        api("UserService/CreateUser", CreateUserRequest(email="x@example.com", password="e\u0301" * 9))
    assert failed.value.fields == {"password": "password_too_short"}
