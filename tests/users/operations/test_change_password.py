import pytest
from django.contrib.auth.hashers import check_password, make_password

from changes.models import Change
from tandem.auth.v1.auth_pb2 import LoginRequest
from tandem.user.v1.user_pb2 import ChangePasswordRequest, GetUserRequest
from tests.jobs import mails
from tests.support.transports import Failed, Transport
from users.models import User

CHANGE = "UserService/ChangePassword"
OLD, NEW = "correct horse battery", "staple battery horse"


@pytest.fixture
def ann(ann: User) -> User:
    ann.password = make_password(OLD)
    ann.save(update_fields=["password"])
    ann.refresh_from_db()
    return ann


def test_change_sets_the_password_and_ends_the_other_sessions(api: Transport, ann: User) -> None:
    api(CHANGE, ChangePasswordRequest(user_id="me", current_password=OLD, new_password=NEW), actor=ann)
    with pytest.raises(Failed, match="UNAUTHENTICATED"):
        api("UserService/GetUser", GetUserRequest(user_id="me"), actor=ann)
    with pytest.raises(Failed, match="UNAUTHENTICATED"):
        api("AuthService/Login", LoginRequest(email=ann.email, password=OLD))
    assert api("AuthService/Login", LoginRequest(email=ann.email, password=NEW)).access_token


def test_log_records_the_change_without_the_password(api: Transport, ann: User) -> None:
    api(CHANGE, ChangePasswordRequest(user_id="me", current_password=OLD, new_password=NEW), actor=ann)
    change = Change.objects.filter(subject_id=ann.pk).latest("id")
    assert (change.reason, change.actor) == ("password", str(ann.pk))
    assert "password" not in {**change.old, **change.new}


@pytest.mark.parametrize(
    ("current", "new", "expected"),
    [
        ("", NEW, {"current_password": "required"}),
        ("wrong", NEW, {"current_password": "wrong"}),
        ("x" * 2000, NEW, {"current_password": "wrong"}),
        (OLD, "", {"new_password": "required"}),
        (OLD, "short", {"new_password": "password_too_short"}),
        (OLD, "ann@example.com!", {"new_password": "password_too_similar"}),
    ],
)
def test_bad_passwords_are_named(api: Transport, ann: User, current: str, new: str, expected: dict[str, str]) -> None:
    with pytest.raises(Failed) as failed:
        api(CHANGE, ChangePasswordRequest(user_id="me", current_password=current, new_password=new), actor=ann)
    assert failed.value.fields == expected
    ann.refresh_from_db()
    assert check_password(OLD, ann.password)


def test_an_administrator_needs_no_current_password(api: Transport, ann: User, administrator: User) -> None:
    api(CHANGE, ChangePasswordRequest(user_id=str(ann.pk), new_password=NEW), actor=administrator)
    ann.refresh_from_db()
    assert check_password(NEW, ann.password)


def test_tries_are_limited(api: Transport, ann: User, settings: object) -> None:
    settings.LOGINS_PER_ACCOUNT = 2  # type: ignore[attr-defined]
    for _ in range(2):
        with pytest.raises(Failed, match="INVALID"):
            api(CHANGE, ChangePasswordRequest(user_id="me", current_password="no", new_password=NEW), actor=ann)
    with pytest.raises(Failed, match="RATE_LIMITED"):
        api(CHANGE, ChangePasswordRequest(user_id="me", current_password=OLD, new_password=NEW), actor=ann)


def test_user_is_notified_by_mail_of_every_change(api: Transport, ann: User, administrator: User) -> None:
    api(CHANGE, ChangePasswordRequest(user_id=str(ann.pk), new_password=NEW), actor=administrator)
    (mail,) = mails()
    assert (mail.to, mail.subject) == (["ann@example.com"], "Your password was changed")
    assert NEW not in mail.body + mail.alternatives[0][0]


def test_rejected_change_sends_no_mail(api: Transport, ann: User) -> None:
    with pytest.raises(Failed):
        api(CHANGE, ChangePasswordRequest(user_id="me", current_password="wrong", new_password=NEW), actor=ann)
    assert mails() == []
