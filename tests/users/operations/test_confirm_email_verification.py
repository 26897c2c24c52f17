from datetime import timedelta

import pytest
from django.utils import timezone

from changes.models import Change
from core.db.ids import uuid7
from tandem.user.v1.user_pb2 import ConfirmEmailVerificationRequest, UpdateUserRequest
from tandem.user.v1.user_pb2 import User as UserMessage
from tests.support.transports import Failed, Transport
from users.models import MailedToken, Status, TokenPurpose, User
from users.services import mailed_tokens

CONFIRM = "UserService/ConfirmEmailVerification"


@pytest.fixture
def ann(ann: User) -> User:
    User.objects.filter(pk=ann.pk).update(status=Status.PENDING_VERIFICATION)
    ann.refresh_from_db()
    return ann


def a_token(user: User, purpose: TokenPurpose = TokenPurpose.VERIFY_EMAIL) -> str:
    token = mailed_tokens.issue(user, purpose, uuid7())
    assert token
    return token


def is_invalid(api: Transport, token: str) -> bool:
    return api.failure(CONFIRM, ConfirmEmailVerificationRequest(token=token)).fields == {"token": "invalid"}


def test_confirmation_verifies_the_address_and_activates_the_account(api: Transport, ann: User) -> None:
    answer = api(CONFIRM, ConfirmEmailVerificationRequest(token=a_token(ann)))
    assert (answer.verified, answer.user_id) == (True, str(ann.pk))
    ann.refresh_from_db()
    assert (ann.email_verified, ann.status) == (True, Status.ACTIVE)
    change = Change.objects.filter(subject_id=ann.pk).latest("id")
    assert (change.actor, change.reason) == (str(ann.pk), "email verification")


def test_a_closed_account_stays_closed(api: Transport, ann: User) -> None:
    token = a_token(ann)
    User.objects.filter(pk=ann.pk).update(status=Status.BANNED)
    api(CONFIRM, ConfirmEmailVerificationRequest(token=token))
    ann.refresh_from_db()
    assert (ann.email_verified, ann.status) == (True, Status.BANNED)


def test_a_token_is_good_once(api: Transport, ann: User) -> None:
    token = a_token(ann)
    api(CONFIRM, ConfirmEmailVerificationRequest(token=token))
    assert is_invalid(api, token)


def test_a_token_expires_after_a_day(api: Transport, ann: User) -> None:
    token = a_token(ann)
    lifetime = MailedToken.objects.get().expires_at - timezone.now()
    assert timedelta(hours=23, minutes=59) < lifetime <= timedelta(hours=24)
    MailedToken.objects.update(expires_at=timezone.now())
    assert is_invalid(api, token)


@pytest.mark.parametrize("token", ["nonsense", "x" * 43, "é" * 43, "a\0b"])
def test_malformed_token_is_rejected(api: Transport, ann: User, token: str) -> None:
    a_token(ann)
    assert is_invalid(api, token)


def test_the_token_is_required(api: Transport) -> None:
    with pytest.raises(Failed) as failed:
        api(CONFIRM, ConfirmEmailVerificationRequest())
    assert failed.value.fields == {"token": "required"}


def test_a_token_for_a_password_verifies_no_address(api: Transport, ann: User) -> None:
    assert is_invalid(api, a_token(ann, TokenPurpose.RESET_PASSWORD))
    ann.refresh_from_db()
    assert not ann.email_verified


def test_a_token_is_good_for_the_address_it_was_mailed_to(api: Transport, ann: User) -> None:
    token = a_token(ann)
    User.objects.filter(pk=ann.pk).update(email="other@example.com")
    assert is_invalid(api, token)


def test_a_change_of_address_and_back_revives_no_token(api: Transport, ann: User) -> None:
    token = a_token(ann)
    for email in ("other@example.com", "ann@example.com"):
        api("UserService/UpdateUser", UpdateUserRequest(user_id="me", user=UserMessage(email=email)), actor=ann)
    assert is_invalid(api, token)


def test_only_its_hash_is_kept(api: Transport, ann: User) -> None:
    token = a_token(ann)
    assert len(token) == 43, "256 bits"
    assert token not in str(list(MailedToken.objects.values()))
    assert MailedToken.objects.filter(token_hash__isnull=False).count() == 1
