"""The e-mail address that users change for themselves waits until the new one is confirmed."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.db.models import Value
from django.utils import timezone
from google.protobuf.field_mask_pb2 import FieldMask

from changes.models import Change
from core.models import Job
from tandem.auth.v1.auth_pb2 import LoginRequest
from tandem.user.v1 import user_pb2
from tests.jobs import mails, token_in
from tests.support.factories import UserFactory
from tests.support.transports import Answer, Failed, Transport
from users.models import MailedToken, Status, TokenPurpose, User

UPDATE, CONFIRM = "UserService/UpdateUser", "UserService/ConfirmEmailVerification"
OLD, NEW = "ann@example.com", "anna@example.com"


@pytest.fixture
def ann(db: None) -> User:
    return UserFactory(email=OLD, display_name="Ann Other", password=make_password("correct horse battery"))


def change(api: Transport, user: User, email: str, actor: User | None = None, **more: Any) -> Answer:
    request = user_pb2.UpdateUserRequest(
        user_id=str(user.pk), user=user_pb2.User(email=email, **more), update_mask=FieldMask(paths=["email", *more])
    )
    return api.answer(UPDATE, request, actor=actor or user)


def confirm(api: Transport, token: str) -> None:
    api(CONFIRM, user_pb2.ConfirmEmailVerificationRequest(token=token))


def is_invalid(api: Transport, token: str) -> bool:
    with pytest.raises(Failed) as failed:
        confirm(api, token)
    return failed.value.fields == {"token": "invalid"}


def sent() -> dict[str, Any]:
    """Return the mails by address, one for each."""
    posted = mails()
    by_address = {mail.to[0]: mail for mail in posted}
    assert len(by_address) == len(posted)
    return by_address


def email_of(user: User) -> tuple[str, bool]:
    user.refresh_from_db()
    return user.email, user.email_verified


def test_the_account_stays_as_it_is_until_the_new_address_is_confirmed(api: Transport, ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(email_verified=True)
    before = User.objects.filter(pk=ann.pk).values().get()
    logged = Change.objects.count()
    answer = change(api, ann, "Anna@example.com")
    assert answer.message.user.email == OLD
    assert answer.message.user.email_verified
    assert answer.version == before["version"]
    assert User.objects.filter(pk=ann.pk).values().get() == before
    assert Change.objects.count() == logged
    by_address = sent()
    assert {to: mail.subject for to, mail in by_address.items()} == {
        OLD: "A new e-mail address for your account",
        NEW: "Confirm your e-mail address",
    }
    assert NEW not in by_address[OLD].body
    assert "Ann Other" not in by_address[NEW].body + by_address[NEW].alternatives[0][0]
    confirm(api, token_in(by_address[NEW]))
    assert email_of(ann) == (NEW, True)
    assert {to: mail.subject for to, mail in sent().items()} == {OLD: "Your e-mail address was changed"}
    assert is_invalid(api, token_in(by_address[NEW]))


def test_other_fields_of_the_same_request_are_written(api: Transport, ann: User) -> None:
    user = change(api, ann, NEW, first_name="Anna").message.user
    assert (user.first_name, user.email) == ("Anna", OLD)


def test_login_and_reset_use_the_confirmed_address(api: Transport, ann: User) -> None:
    change(api, ann, NEW)
    token = token_in(sent()[NEW])
    reset = user_pb2.RequestPasswordResetRequest(email=NEW)
    api("UserService/RequestPasswordReset", reset)
    assert mails() == []
    login = LoginRequest(email=NEW, password="correct horse battery")
    with pytest.raises(Failed, match="UNAUTHENTICATED"):
        api("AuthService/Login", login)
    confirm(api, token)
    assert api("AuthService/Login", login).access_token
    mails()
    api("UserService/RequestPasswordReset", reset)
    assert set(sent()) == {NEW}


def test_a_later_change_replaces_the_one_that_waits(api: Transport, ann: User) -> None:
    change(api, ann, "first@example.com")
    first = token_in(sent()["first@example.com"])
    change(api, ann, "second@example.com")
    second = token_in(sent()["second@example.com"])
    assert is_invalid(api, first)
    # To name the present address again is a change as well.
    change(api, ann, OLD)
    assert is_invalid(api, second)
    assert email_of(ann) == (OLD, False)


def test_a_mail_that_comes_late_is_not_sent(api: Transport, ann: User) -> None:
    change(api, ann, "first@example.com")
    late = Job.objects.get(kind="users.send_email_change")
    Job.objects.filter(pk=late.pk).update(next_try_at=timezone.now() + timedelta(days=1))
    change(api, ann, "second@example.com")
    mails()
    Job.objects.filter(pk=late.pk).update(next_try_at=timezone.now())
    assert mails() == []


def test_an_administrators_change_replaces_the_one_that_waits(api: Transport, ann: User, administrator: User) -> None:
    change(api, ann, "first@example.com")
    token = token_in(sent()["first@example.com"])
    User.objects.filter(pk=ann.pk).update(email_verified=True)
    user = change(api, ann, NEW, actor=administrator).message.user
    assert (user.email, user.email_verified) == (NEW, False)
    by_address = sent()
    assert {to: mail.subject for to, mail in by_address.items()} == {
        OLD: "Your e-mail address was changed",
        NEW: "Confirm your e-mail address",
    }
    assert is_invalid(api, token)
    confirm(api, token_in(by_address[NEW]))
    assert email_of(ann) == (NEW, True)


def test_administrators_confirm_their_own(api: Transport, administrator: User) -> None:
    before = administrator.email
    assert change(api, administrator, NEW).message.user.email == before


def test_confirmation_expires(api: Transport, ann: User) -> None:
    change(api, ann, NEW)
    token = token_in(sent()[NEW])
    MailedToken.objects.update(expires_at=timezone.now())
    assert is_invalid(api, token)


@pytest.mark.parametrize("how", ["password", "reset", "closed"])
def test_a_new_password_and_closing_end_it(api: Transport, ann: User, administrator: User, how: str) -> None:
    """A change that an intruder requested does not survive the owner's countermeasures."""
    change(api, ann, NEW)
    token = token_in(sent()[NEW])
    if how == "password":
        request = user_pb2.ChangePasswordRequest(
            user_id="me", current_password="correct horse battery", new_password="another horse battery"
        )
        api("UserService/ChangePassword", request, actor=ann)
    elif how == "reset":
        api("UserService/RequestPasswordReset", user_pb2.RequestPasswordResetRequest(email=OLD))
        reset = user_pb2.ResetPasswordRequest(token=token_in(sent()[OLD]), new_password="another horse battery")
        api("UserService/ResetPassword", reset)
    else:
        of = {"user_id": str(ann.pk)}
        api("UserService/DeactivateUser", user_pb2.DeactivateUserRequest(**of), actor=administrator)
        api("UserService/ReactivateUser", user_pb2.ReactivateUserRequest(**of), actor=administrator)
    assert is_invalid(api, token)
    assert email_of(ann)[0] == OLD


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.BANNED])
def test_a_closed_account_keeps_its_address(api: Transport, ann: User, status: Status) -> None:
    change(api, ann, NEW)
    token = token_in(sent()[NEW])
    User.objects.filter(pk=ann.pk).update(status=status)
    assert is_invalid(api, token)


def test_an_account_that_waited_for_its_verification_is_active(api: Transport, ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(status=Status.PENDING_VERIFICATION)
    change(api, ann, NEW)
    confirm(api, token_in(sent()[NEW]))
    ann.refresh_from_db()
    assert (ann.status, ann.email_verified) == (Status.ACTIVE, True)


def test_an_address_of_another_account_is_answered_as_a_free_one(api: Transport, ann: User, bob: User) -> None:
    free = change(api, ann, "free@example.com")
    jobs = sorted(Job.objects.values_list("kind", flat=True))
    mails()
    Job.objects.all().delete()
    taken = change(api, ann, "BOB@example.com")
    assert (taken.message, taken.version) == (free.message, free.version)
    assert sorted(Job.objects.values_list("kind", flat=True)) == jobs
    by_address = sent()
    assert set(by_address) == {OLD, "bob@example.com"}
    notice = by_address["bob@example.com"]
    assert notice.subject == "Your e-mail address has an account"
    for secret in ("Ann", OLD, "http"):
        assert secret not in notice.body + notice.alternatives[0][0]
    assert not MailedToken.objects.filter(purpose=TokenPurpose.CHANGE_EMAIL, used_at=None).exists()
    assert (email_of(ann)[0], email_of(bob)[0]) == (OLD, "bob@example.com")


def test_address_registered_in_between_is_rejected(api: Transport, ann: User) -> None:
    change(api, ann, NEW)
    token = token_in(sent()[NEW])
    UserFactory(email=NEW)
    with pytest.raises(Failed) as failed:
        confirm(api, token)
    assert (failed.value.reason, failed.value.message) == ("ALREADY_EXISTS", f"User with email {NEW} already exists")
    assert email_of(ann) == (OLD, False)


@pytest.mark.parametrize("kept", ["ada@b\u00fccher.example", "ada@\u2764.example"])
def test_an_address_that_is_kept_in_another_form_is_no_change(api: Transport, ann: User, kept: str) -> None:
    User.objects.filter(pk=ann.pk).update(email=Value(kept))
    request = user_pb2.UpdateUserRequest(user_id="me", user=user_pb2.User(first_name="Anna"))
    assert api(UPDATE, request, actor=ann).user.first_name == "Anna"
    assert change(api, ann, kept, last_name="Ott").message.user.last_name == "Ott"
    assert not Job.objects.exists()


def test_every_bad_field_is_named(api: Transport, ann: User) -> None:
    with pytest.raises(Failed) as failed:
        change(api, ann, "nonsense", display_name=" ")
    assert set(failed.value.fields) == {"email", "display_name"}
    for email, code in (("", "required"), ("nonsense", "email")):
        with pytest.raises(Failed) as failed:
            change(api, ann, email)
        assert failed.value.fields == {"email": code}
    assert not Job.objects.exists()


def test_mails_per_account_are_limited(api: Transport, ann: User, bob: User, settings: Any) -> None:
    settings.MAILS_PER_ACCOUNT = 2
    for number in range(2):
        change(api, ann, f"stranger{number}@example.com")
    mails()
    with pytest.raises(Failed, match="RATE_LIMITED"):
        change(api, ann, "stranger2@example.com", first_name="Anna")
    ann.refresh_from_db()
    assert ann.first_name != "Anna"
    assert mails() == []
    # Nor by turns: it is counted by the address that the mails go to, too.
    change(api, bob, "stranger0@example.com")
    with pytest.raises(Failed, match="RATE_LIMITED"):
        change(api, UserFactory(), "stranger0@example.com")


def test_a_mail_that_is_sent_again_is_the_same(api: Transport, ann: User) -> None:
    change(api, ann, NEW)
    first = sent()[NEW]
    Job.objects.filter(kind="users.send_email_change").update(ended_at=None, arguments={"user_id": str(ann.pk)})
    again = sent()[NEW]
    assert (token_in(again), again.extra_headers["Message-ID"]) == (token_in(first), first.extra_headers["Message-ID"])
