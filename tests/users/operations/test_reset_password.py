from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from changes.models import Change
from core.db.ids import uuid7
from core.models import IdempotencyRecord
from tandem.auth.v1.auth_pb2 import LoginRequest
from tandem.user.v1.user_pb2 import ChangePasswordRequest, GetUserRequest, ResetPasswordRequest
from tests.jobs import mails
from tests.support.factories import UserFactory
from tests.support.transports import Failed, Transport
from users import services
from users.models import MailedToken, Status, TokenPurpose, User
from users.services import mailed_tokens

RESET = "UserService/ResetPassword"
OLD, NEW = "correct horse battery", "staple battery horse"


@pytest.fixture
def ann(ann: User) -> User:
    User.objects.filter(pk=ann.pk).update(password=make_password(OLD))
    ann.refresh_from_db()
    return ann


def a_token(user: User, purpose: TokenPurpose = TokenPurpose.RESET_PASSWORD) -> str:
    token = mailed_tokens.issue(user, purpose, uuid7())
    assert token
    return token


def is_invalid(api: Transport, token: str) -> bool:
    request = ResetPasswordRequest(token=token, new_password="yet another battery")
    return api.failure(RESET, request).fields == {"token": "invalid"}


def test_reset_sets_the_password_and_ends_all_sessions(api: Transport, ann: User) -> None:
    assert api("UserService/GetUser", GetUserRequest(user_id="me"), actor=ann).user.email == ann.email
    api(RESET, ResetPasswordRequest(token=a_token(ann), new_password=NEW))
    for call in (
        lambda: api("UserService/GetUser", GetUserRequest(user_id="me"), actor=ann),
        lambda: api("AuthService/Login", LoginRequest(email=ann.email, password=OLD)),
    ):
        with pytest.raises(Failed, match="UNAUTHENTICATED"):
            call()
    assert api("AuthService/Login", LoginRequest(email=ann.email, password=NEW)).access_token


def test_an_account_without_a_password_can_be_used_then(api: Transport, ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(password="!", status=Status.PENDING_VERIFICATION)
    api(RESET, ResetPasswordRequest(token=a_token(ann), new_password=NEW))
    assert api("AuthService/Login", LoginRequest(email=ann.email, password=NEW)).access_token


def test_user_is_notified_by_mail(api: Transport, ann: User) -> None:
    api(RESET, ResetPasswordRequest(token=a_token(ann), new_password=NEW))
    (mail,) = mails()
    assert (mail.to, mail.subject) == (["ann@example.com"], "Your password was changed")
    assert NEW not in mail.body


def test_log_records_the_reset_without_the_password(api: Transport, ann: User) -> None:
    api(RESET, ResetPasswordRequest(token=a_token(ann), new_password=NEW))
    change = Change.objects.filter(subject_id=ann.pk).latest("id")
    assert (change.reason, change.actor) == ("password reset", str(ann.pk))
    assert "password" not in {**change.old, **change.new}
    assert "user" in set(Change.objects.values_list("subject_type", flat=True))
    assert not Change.objects.exclude(subject_type="user").exists(), "tokens are in no log"


def test_a_token_is_good_once(api: Transport, ann: User) -> None:
    token = a_token(ann)
    api(RESET, ResetPasswordRequest(token=token, new_password=NEW))
    assert is_invalid(api, token)
    ann.refresh_from_db()
    assert check_password(NEW, ann.password)


def test_a_token_expires_after_an_hour(api: Transport, ann: User) -> None:
    token = a_token(ann)
    lifetime = MailedToken.objects.get().expires_at - timezone.now()
    assert timedelta(minutes=59) < lifetime <= timedelta(hours=1)
    MailedToken.objects.update(expires_at=timezone.now())
    assert is_invalid(api, token)


def test_a_token_for_an_address_resets_no_password(api: Transport, ann: User) -> None:
    assert is_invalid(api, a_token(ann, TokenPurpose.VERIFY_EMAIL))


def test_a_token_is_good_for_the_address_it_was_mailed_to(api: Transport, ann: User) -> None:
    token = a_token(ann)
    User.objects.filter(pk=ann.pk).update(email="other@example.com")
    assert is_invalid(api, token)


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.SUSPENDED, Status.BANNED])
def test_a_closed_account_stays_as_it_is(api: Transport, ann: User, status: Status) -> None:
    token = a_token(ann)
    User.objects.filter(pk=ann.pk).update(status=status)
    assert is_invalid(api, token)
    ann.refresh_from_db()
    assert check_password(OLD, ann.password)


def test_a_password_that_was_changed_makes_the_token_void(api: Transport, ann: User) -> None:
    token = a_token(ann)
    api(
        "UserService/ChangePassword",
        ChangePasswordRequest(user_id="me", current_password=OLD, new_password=NEW),
        actor=ann,
    )
    assert is_invalid(api, token)


def test_a_bad_password_costs_no_token(api: Transport, ann: User) -> None:
    token = a_token(ann)
    for bad, code in (("short", "password_too_short"), ("ann@example.com!", "password_too_similar")):
        with pytest.raises(Failed) as failed:
            api(RESET, ResetPasswordRequest(token=token, new_password=bad))
        assert failed.value.fields == {"new_password": code}
    api(RESET, ResetPasswordRequest(token=token, new_password=NEW))


def test_both_are_required(api: Transport) -> None:
    with pytest.raises(Failed) as failed:
        api(RESET, ResetPasswordRequest())
    assert failed.value.fields == {"token": "required", "new_password": "required"}


def test_answer_is_not_kept_for_an_idempotency_key(api: Transport, ann: User) -> None:
    api(RESET, ResetPasswordRequest(token=a_token(ann), new_password=NEW), idempotency_key="k-1")
    assert IdempotencyRecord.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_only_one_of_concurrent_resets_succeeds() -> None:
    ann = UserFactory(email="ann@example.com")
    token = a_token(ann)

    def reset(number: int) -> bool:
        try:
            services.reset_password(token=token, new_password=f"staple battery horse {number}")
        except ValidationError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(reset, range(8)))
    assert sum(won) == 1
    ann.refresh_from_db()
    assert check_password(f"staple battery horse {won.index(True)}", ann.password)
