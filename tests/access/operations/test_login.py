from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import argon2
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from django.db import connection
from django.utils import timezone

from access.models import RefreshToken, Session
from core.models import RateWindow
from tandem.auth.v1.auth_pb2 import LoginRequest
from tandem.user.v1.user_pb2 import ChangePasswordRequest, GetUserRequest, ResetPasswordRequest
from tests.support.factories import ServiceFactory
from tests.support.transports import Failed, Transport
from users.models import Status, TokenPurpose, User
from users.passwords.hashers import is_outdated
from users.services import mailed_tokens, record_login

LOGIN = "AuthService/Login"
PASSWORD = "correct horse battery"


@pytest.fixture
def ann(ann: User) -> User:
    ann.password = make_password(PASSWORD)
    ann.save(update_fields=["password"])
    ann.refresh_from_db()
    return ann


def test_access_token_is_accepted(api: Transport, ann: User) -> None:
    pair = api(LOGIN, LoginRequest(email=" ANN@example.com", password=PASSWORD))
    assert (pair.token_type, pair.expires_in) == ("bearer", 900)
    request = GetUserRequest(user_id="me")
    user = api("UserService/GetUser", request, authorization=f"Bearer {pair.access_token}").user
    assert user.id == str(ann.pk)
    assert user.last_login_at.seconds == pytest.approx(timezone.now().timestamp(), abs=60)


def test_secrets_are_stored_as_hashes(api: Transport, ann: User) -> None:
    pair = api(LOGIN, LoginRequest(email="ann@example.com", password=PASSWORD))
    stored = RefreshToken.objects.get(session__user=ann)
    assert pair.refresh_token.encode() not in bytes(stored.token_hash)
    assert stored.expires_at - timezone.now() > timedelta(days=6, hours=23)
    assert Session.objects.get(user=ann).address == "127.0.0.1"


def test_a_pending_account_may(api: Transport, ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(status=Status.PENDING_VERIFICATION)
    assert api(LOGIN, LoginRequest(email="ann@example.com", password=PASSWORD)).access_token


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.SUSPENDED, Status.BANNED])
@pytest.mark.parametrize("email", ["ann@example.com", "nobody@example.com", "a\0b@example.com"])
def test_reasons_of_rejected_logins_cannot_be_distinguished(api: Transport, ann: User, status: int, email: str) -> None:
    User.objects.filter(pk=ann.pk).update(status=status)
    seen = set()
    for password in (PASSWORD, "wrong", "x" * 2000):
        with pytest.raises(Failed) as failed:
            api(LOGIN, LoginRequest(email=email, password=password))
        seen.add((failed.value.reason, failed.value.message))
    assert seen == {("UNAUTHENTICATED", "Email or password is wrong.")}
    assert not Session.objects.filter(user=ann).exists()


def test_an_account_without_a_password_cannot(api: Transport, bob: User) -> None:
    with pytest.raises(Failed) as failed:
        api(LOGIN, LoginRequest(email="bob@example.com", password="!"))
    assert failed.value.reason == "UNAUTHENTICATED"


@pytest.mark.parametrize(("field", "request_"), [("email", {"password": "x"}), ("password", {"email": "x"})])
def test_both_are_required(api: Transport, field: str, request_: dict[str, str]) -> None:
    with pytest.raises(Failed) as failed:
        api(LOGIN, LoginRequest(**request_))
    assert failed.value.fields == {field: "required"}


def test_tries_are_limited_per_account_and_address(api: Transport, ann: User, settings: object) -> None:
    settings.LOGINS_PER_ACCOUNT, settings.LOGINS_PER_ADDRESS = 2, 5  # type: ignore[attr-defined]
    for _ in range(2):
        with pytest.raises(Failed, match="UNAUTHENTICATED"):
            api(LOGIN, LoginRequest(email="ann@example.com", password="wrong"))
    with pytest.raises(Failed, match="RATE_LIMITED"):
        api(LOGIN, LoginRequest(email="ann@example.com", password=PASSWORD))
    with pytest.raises(Failed, match="UNAUTHENTICATED"):
        api(LOGIN, LoginRequest(email="nobody@example.com", password="wrong"))
    with pytest.raises(Failed, match="UNAUTHENTICATED"):
        api(LOGIN, LoginRequest(email="someone@example.com", password="wrong"))
    with pytest.raises(Failed, match="RATE_LIMITED"):
        api(LOGIN, LoginRequest(email="another@example.com", password="wrong"))


def elsewhere(number: int) -> str:
    return f"198.51.100.{number}"


@pytest.fixture
def guessed(api: Transport, ann: User, settings: Any) -> str:
    """An account at whose password too many addresses have guessed within the hour."""
    settings.TRUSTED_PROXIES = settings.GRPC_TRUSTED_PROXIES = 1
    settings.LOGIN_FAILURES_PER_ACCOUNT = 5
    api(LOGIN, LoginRequest(email="ann@example.com", password=PASSWORD), forwarded_for="2001:db8::1")
    for number in range(5):
        with pytest.raises(Failed, match="UNAUTHENTICATED"):
            api(LOGIN, LoginRequest(email="Ann@example.com", password="wrong"), forwarded_for=elsewhere(number))
    return "ann@example.com"


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_failures_are_counted_per_account_over_all_addresses(api: Transport, guessed: str, password: str) -> None:
    with pytest.raises(Failed) as failed:
        api(LOGIN, LoginRequest(email=guessed, password=password), forwarded_for=elsewhere(99))
    assert (failed.value.reason, failed.value.message) == ("RATE_LIMITED", "Too many tries; wait before the next one.")
    with pytest.raises(Failed, match="UNAUTHENTICATED"):
        api(LOGIN, LoginRequest(email="bob@example.com", password="wrong"), forwarded_for=elsewhere(99))


def test_an_account_that_does_not_exist_is_counted_alike(api: Transport, settings: Any) -> None:
    settings.TRUSTED_PROXIES = settings.GRPC_TRUSTED_PROXIES = 1
    settings.LOGIN_FAILURES_PER_ACCOUNT = 2
    seen = []
    for number in range(3):
        with pytest.raises(Failed) as failed:
            request = LoginRequest(email="nobody@example.com", password="wrong")
            api(LOGIN, request, forwarded_for=elsewhere(number))
        seen.append((failed.value.reason, failed.value.message))
    assert seen[2] == ("RATE_LIMITED", "Too many tries; wait before the next one.")
    assert [reason for reason, _ in seen] == ["UNAUTHENTICATED"] * 2 + ["RATE_LIMITED"]


def test_others_guesses_do_not_lock_out_where_one_has_logged_in_before(api: Transport, guessed: str) -> None:
    request = LoginRequest(email=guessed, password=PASSWORD)
    assert api(LOGIN, request, forwarded_for="[2001:db8::2]:443").access_token
    # Neither does that make room for more guesses.
    with pytest.raises(Failed, match="RATE_LIMITED"):
        api(LOGIN, request, forwarded_for=elsewhere(99))


def test_logins_that_work_do_not_count_as_failures(api: Transport, ann: User, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_ACCOUNT = 1
    for _ in range(3):
        api(LOGIN, LoginRequest(email="ann@example.com", password=PASSWORD))
    assert RateWindow.objects.get(key__startswith="guesses").count == 0


def test_a_reset_by_mail_lets_the_owner_in_again(api: Transport, ann: User, guessed: str) -> None:
    new = "purple zebra battery"
    token = mailed_tokens.issue(ann, TokenPurpose.RESET_PASSWORD, uuid4()) or ""
    api("UserService/ResetPassword", ResetPasswordRequest(token=token, new_password=new))
    assert api(LOGIN, LoginRequest(email=guessed, password=new), forwarded_for=elsewhere(99)).access_token


def test_guesses_at_the_current_password_count_too(api: Transport, ann: User, settings: Any) -> None:
    settings.LOGIN_FAILURES_PER_ACCOUNT = 2
    request = ChangePasswordRequest(user_id="me", current_password="wrong", new_password="purple zebra battery")
    for reason in ("INVALID", "INVALID", "RATE_LIMITED"):
        with pytest.raises(Failed, match=reason):
            api("UserService/ChangePassword", request, actor=ann)
    with pytest.raises(Failed, match="RATE_LIMITED"):
        api(LOGIN, LoginRequest(email="ann@example.com", password=PASSWORD))


def test_guesses_of_others_do_not_prevent_a_change_of_password(api: Transport, ann: User, guessed: str) -> None:
    request = ChangePasswordRequest(user_id="me", current_password=PASSWORD, new_password="purple zebra battery")
    api("UserService/ChangePassword", request, actor=ann)
    ann.refresh_from_db()
    assert ann.check_password("purple zebra battery")


def test_successful_login_resets_the_count_of_tries(api: Transport, ann: User, settings: object) -> None:
    settings.LOGINS_PER_ACCOUNT = 2  # type: ignore[attr-defined]
    for _ in range(3):
        with pytest.raises(Failed, match="UNAUTHENTICATED"):
            api(LOGIN, LoginRequest(email="ann@example.com", password="wrong"))
        assert api(LOGIN, LoginRequest(email="ann@example.com", password=PASSWORD)).access_token


def test_answer_is_never_kept_for_an_idempotency_key(api: Transport, ann: User) -> None:
    request = LoginRequest(email="ann@example.com", password=PASSWORD)
    first = api.answer(LOGIN, request, idempotency_key="k-1")
    again = api.answer(LOGIN, request, idempotency_key="k-1")
    assert not again.replayed
    assert again.message.refresh_token != first.message.refresh_token


def test_a_service_account_cannot(api: Transport) -> None:
    service = ServiceFactory(password=make_password(PASSWORD))
    with pytest.raises(Failed) as failed:
        api(LOGIN, LoginRequest(email=service.email, password=PASSWORD))
    assert (failed.value.reason, failed.value.message) == ("UNAUTHENTICATED", "Email or password is wrong.")


def outdated_hashes() -> dict[str, str]:
    weaker = argon2.PasswordHasher(time_cost=2, memory_cost=32, parallelism=1).hash(PASSWORD)
    foreign = PBKDF2PasswordHasher().encode(PASSWORD, "salt-of-elsewhere", iterations=1000)
    return {"other parameters": "argon2" + weaker, "another algorithm": foreign}


@pytest.mark.parametrize("kind", list(outdated_hashes()))
def test_outdated_hash_is_renewed(api: Transport, ann: User, settings: Any, kind: str) -> None:
    settings.PASSWORD_HASHERS = [*settings.PASSWORD_HASHERS, "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    before = outdated_hashes()[kind]
    User.objects.filter(pk=ann.pk).update(password=before)
    for wrong in ("wrong", PASSWORD + "x"):
        with pytest.raises(Failed, match="UNAUTHENTICATED"):
            api(LOGIN, LoginRequest(email="ann@example.com", password=wrong))
    ann.refresh_from_db()
    assert ann.password == before
    pair = api(LOGIN, LoginRequest(email="ann@example.com", password=PASSWORD))
    ann.refresh_from_db()
    assert not is_outdated(ann.password)
    bearer = f"Bearer {pair.access_token}"
    assert api("UserService/GetUser", GetUserRequest(user_id="me"), authorization=bearer).user.id == str(ann.pk)
    renewed = ann.password
    api(LOGIN, LoginRequest(email="ann@example.com", password=PASSWORD))
    ann.refresh_from_db()
    assert ann.password == renewed


def test_many_at_once_all_get_in(committing_api: Transport, ann: User) -> None:
    def log_in(_: int) -> str:
        try:
            return str(committing_api(LOGIN, LoginRequest(email="ann@example.com", password=PASSWORD)).refresh_token)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(log_in, range(12)))) == 12
    assert Session.objects.filter(user=ann).count() == 12


def test_password_changed_during_the_login_is_rejected(ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(password=make_password("another horse battery"))
    assert not record_login(ann)


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.BANNED])
def test_account_closed_during_the_login_is_rejected(ann: User, status: int) -> None:
    User.objects.filter(pk=ann.pk).update(status=status)
    assert not record_login(ann)
