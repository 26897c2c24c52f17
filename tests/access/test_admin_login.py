"""Signing in to the admin site."""

from typing import Any

import argon2
import pytest
from django.test import Client
from django.urls import reverse

from access.services import OTHER_SESSIONS, revoke_session
from tests.support.factories import AdministratorFactory, ServiceFactory, UserFactory
from users.models import Status, User
from users.passwords.hashers import is_outdated
from users.services import change_password, deactivate_user, reactivate_user, update_user

PASSWORD = "correct horse battery"
WRONG = "Email or password is wrong."


@pytest.fixture
def staff(db: None) -> User:
    return with_password(AdministratorFactory(email="staff@example.com"))


def with_password(user: User) -> User:
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(client: Client, email: str, password: str = PASSWORD, address: str = "203.0.113.7") -> str:
    form = {"username": email, "password": password}
    headers = {"HTTP_HOST": "localhost", "REMOTE_ADDR": address}
    return str(client.post(reverse("admin:login"), form, follow=True, **headers).content.decode())


def is_signed_in(client: Client) -> bool:
    return bool(client.get(reverse("admin:index"), HTTP_HOST="localhost").status_code == 200)


def test_staff_gets_in_and_the_log_knows(client: Client, staff: User) -> None:
    sign_in(client, " Staff@Example.com ")
    assert is_signed_in(client)
    staff.refresh_from_db()
    assert staff.last_login_at is not None


def test_a_hash_that_is_renewed_ends_nothing(client: Client, staff: User) -> None:
    weaker = argon2.PasswordHasher(time_cost=2, memory_cost=32, parallelism=1).hash(PASSWORD)
    User.objects.filter(pk=staff.pk).update(password="argon2" + weaker)
    sign_in(client, staff.email)
    assert is_signed_in(client)
    staff.refresh_from_db()
    assert not is_outdated(staff.password)


@pytest.mark.parametrize("how", ["deactivated", "banned", "new password", "all ended", "all others revoked"])
def test_the_cookie_ends_with_what_ends_sessions(client: Client, staff: User, how: str) -> None:
    other = with_password(AdministratorFactory(is_superuser=True))
    elsewhere = Client()
    sign_in(client, staff.email)
    sign_in(elsewhere, other.email)
    assert is_signed_in(client)
    if how == "deactivated":
        deactivate_user(other, str(staff.pk))
        assert not is_signed_in(client)
        reactivate_user(other, str(staff.pk))
    elif how == "banned":
        update_user(other, str(staff.pk), {"status": Status.BANNED})
        update_user(other, str(staff.pk), {"status": Status.ACTIVE})
    elif how == "new password":
        change_password(other, str(staff.pk), current_password="", new_password=PASSWORD)
    elif how == "all ended":
        elsewhere.post(reverse("admin:access_session_end_all", args=[staff.pk]), HTTP_HOST="localhost")
    else:
        revoke_session(staff, OTHER_SESSIONS, current=None)
    assert not is_signed_in(client)
    assert is_signed_in(elsewhere)
    sign_in(client, staff.email)
    assert is_signed_in(client)


def test_the_cookie_of_a_key_that_was_replaced_is_good_while_it_is_listed(
    client: Client, staff: User, settings: Any
) -> None:
    sign_in(client, staff.email)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key, which is long enough"
    assert is_signed_in(client)
    # Django renews the hash with the present key, so the cookie outlives the old one.
    settings.SECRET_KEY_FALLBACKS = []
    assert is_signed_in(client)


def test_reasons_of_rejected_logins_cannot_be_distinguished(client: Client, staff: User) -> None:
    closed = with_password(AdministratorFactory(status=Status.DEACTIVATED))
    others = (with_password(UserFactory()), closed, with_password(ServiceFactory(is_staff=True)))
    for email, password in [*((user.email, PASSWORD) for user in others), (staff.email, "x"), ("no@example.com", "x")]:
        assert WRONG in sign_in(client, email, password)
        assert not is_signed_in(client)


def test_missing_fields_are_reported(client: Client, staff: User) -> None:
    assert "This field is required." in sign_in(client, staff.email, "")


def test_tries_are_limited_per_account_and_address(client: Client, staff: User, settings: Any) -> None:
    settings.LOGINS_PER_ACCOUNT, settings.LOGINS_PER_ADDRESS = 2, 4
    for _ in range(2):
        assert WRONG in sign_in(client, staff.email, "x")
    assert "Too many tries" in sign_in(client, staff.email)
    assert not is_signed_in(client)
    assert WRONG in sign_in(client, "no@example.com", "x")
    assert "Too many tries" in sign_in(client, "other@example.com", "x")
    sign_in(client, staff.email, address="203.0.113.8")
    assert is_signed_in(client)
