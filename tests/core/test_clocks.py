"""Clocks that were ahead: what they wrote locks nothing once they are right again, and ends what it should."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from access.models import Session
from core import idempotency
from core.db import clock
from core.models import IdempotencyRecord
from tandem.auth.v1.auth_pb2 import CreateApiKeyRequest, ListSessionsRequest, LoginRequest
from tandem.user.v1.user_pb2 import ChangePasswordRequest
from tests.support.factories import UserFactory
from tests.support.transports import Transport
from users.models import User

PASSWORD = "correct horse battery"
AHEAD = timedelta(days=8)


@pytest.fixture
def owner(db: None) -> User:
    """A user whose credentials were ended by a process whose clock was eight days ahead."""
    user = UserFactory(email="owner@example.com")
    user.set_password(PASSWORD)
    user.tokens_valid_from = timezone.now() + AHEAD
    user.save()
    return user


@pytest.mark.django_db
def test_the_clock_is_the_databases() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        before: datetime = cursor.fetchone()[0]
    assert timedelta(0) <= clock.now() - before < timedelta(seconds=5)


def test_an_account_is_not_locked_until_then(api: Transport, owner: User) -> None:
    pair = api("AuthService/Login", LoginRequest(email=owner.email, password=PASSWORD))
    bearer = f"Bearer {pair.access_token}"
    assert api("AuthService/ListSessions", ListSessionsRequest(), authorization=bearer).sessions[0].current
    key = api("AuthService/CreateApiKey", CreateApiKeyRequest(name="key", scopes=["users:read"]), authorization=bearer)
    assert key.api_key.name == "key"


def test_every_change_of_password_ends_the_sessions(api: Transport, owner: User) -> None:
    pair = api("AuthService/Login", LoginRequest(email=owner.email, password=PASSWORD))
    assert Session.objects.get(user=owner).is_open
    api(
        "UserService/ChangePassword",
        ChangePasswordRequest(user_id="me", current_password=PASSWORD, new_password="another horse battery"),
        authorization=f"Bearer {pair.access_token}",
    )
    assert not Session.objects.get(user=owner).is_open
    api("AuthService/Login", LoginRequest(email=owner.email, password="another horse battery"))
    assert Session.objects.filter(user=owner).latest("created_at").is_open


@pytest.mark.django_db
def test_a_key_of_the_future_counts_as_old() -> None:
    """Its answer is of a write that happened by no clock of today."""
    made: list[bytes] = []

    def write() -> bytes:
        made.append(b"written")
        return b"written"

    for _ in range(2):
        idempotency.once(principal="someone", operation="Do", key="k", request=b"a request", effect=write)
    assert len(made) == 1
    IdempotencyRecord.objects.update(created_at=timezone.now() + AHEAD)
    idempotency.once(principal="someone", operation="Do", key="k", request=b"a request", effect=write)
    assert len(made) == 2
