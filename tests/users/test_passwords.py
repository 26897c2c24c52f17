"""Passwords: hashing is bounded, and only done when it is needed."""

import time

import pytest
from django.contrib.auth.hashers import check_password, make_password

from access.authentication import authenticate
from access.models import Session
from access.tokens import access_token
from core import context
from core.errors import DeadlineExceeded, Unauthenticated
from tests.users.operations.test_bulk_import_users import HASHES
from users.models import User
from users.passwords.imported_hashes import portable_form, stored_form


def test_a_call_that_is_too_late_costs_no_hash() -> None:
    encoded = make_password("correct horse battery")
    token = context.deadline.set(time.monotonic() - 1)
    try:
        with pytest.raises(DeadlineExceeded):
            make_password("correct horse battery")
        with pytest.raises(DeadlineExceeded):
            check_password("correct horse battery", encoded)
    finally:
        context.deadline.reset(token)
    assert check_password("correct horse battery", encoded)


def test_a_password_that_a_command_sets_ends_the_sessions(ann: User) -> None:
    bearer = f"Bearer {access_token(Session.objects.create(user=ann))}"
    assert authenticate(bearer).actor == ann
    ann.set_password("staple battery horse")
    ann.save()
    with pytest.raises(Unauthenticated):
        authenticate(bearer)


@pytest.mark.parametrize("kind", [*HASHES, "ours"])
def test_every_kind_of_hash_goes_out_in_a_form_that_comes_in(kind: str) -> None:
    password_hash = HASHES[kind]() if kind in HASHES else make_password("ours")
    stored = stored_form(password_hash)
    assert stored
    assert stored_form(portable_form(stored)) == stored


def test_an_account_without_a_password_has_no_hash_to_go_out() -> None:
    assert portable_form(make_password(None)) == portable_form("!") == ""
