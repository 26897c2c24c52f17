import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from access.models import RefreshToken, Session
from access.services import issue_refresh_token
from access.tokens import new_secret
from tandem.auth.v1.auth_pb2 import RefreshTokenRequest, TokenPair
from tandem.user.v1.user_pb2 import GetUserRequest
from tests.support.transports import Failed, Transport
from users.models import Status, User

REFRESH = "AuthService/RefreshToken"


@pytest.fixture
def token(ann: User) -> str:
    return issue_refresh_token(Session.objects.create(user=ann), new_secret())


def refresh(api: Transport, token: str) -> TokenPair:
    return api(REFRESH, RefreshTokenRequest(refresh_token=token))


def ended(api: Transport, token: str) -> bool:
    with pytest.raises(Failed) as failed:
        refresh(api, token)
    return failed.value.reason == "UNAUTHENTICATED"


def test_token_is_rotated(api: Transport, token: str, ann: User) -> None:
    first = refresh(api, token)
    second = refresh(api, first.refresh_token)
    assert len({token, first.refresh_token, second.refresh_token}) == 3
    bearer = f"Bearer {second.access_token}"
    assert api("UserService/GetUser", GetUserRequest(user_id="me"), authorization=bearer).user.id == str(ann.pk)


def test_lost_answer_is_repeated(api: Transport, token: str) -> None:
    lost = refresh(api, token)
    again = refresh(api, token)
    assert again.refresh_token == lost.refresh_token
    assert refresh(api, again.refresh_token).refresh_token


def test_reuse_after_the_grace_ends_the_session(api: Transport, token: str) -> None:
    successor = refresh(api, token).refresh_token
    RefreshToken.objects.filter(used_at__isnull=False).update(used_at=timezone.now() - timedelta(seconds=11))
    assert ended(api, token)
    assert ended(api, successor)


def test_reuse_after_the_successor_was_used_ends_the_session(api: Transport, token: str) -> None:
    last = refresh(api, refresh(api, token).refresh_token)
    assert ended(api, token)
    assert ended(api, last.refresh_token)
    with pytest.raises(Failed) as failed:
        api("UserService/GetUser", GetUserRequest(user_id="me"), authorization=f"Bearer {last.access_token}")
    assert failed.value.reason == "UNAUTHENTICATED"


def test_an_expired_token_is_refused(api: Transport, token: str) -> None:
    RefreshToken.objects.update(expires_at=timezone.now())
    assert ended(api, token)


@pytest.mark.parametrize("sent", ["nonsense", "é\0", "x" * 10_000])
def test_an_unknown_token_is_refused(api: Transport, token: str, sent: str) -> None:
    assert ended(api, sent)


def test_a_token_is_required(api: Transport, db: None) -> None:
    with pytest.raises(Failed) as failed:
        refresh(api, "")
    assert failed.value.fields == {"refresh_token": "required"}


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.BANNED])
def test_closed_account_gets_no_token(api: Transport, token: str, ann: User, status: int) -> None:
    User.objects.filter(pk=ann.pk).update(status=status)
    assert ended(api, token)


@pytest.mark.parametrize("races", [int(os.environ.get("REFRESH_RACES", "20"))])
def test_two_at_once_get_one_successor(committing_api: Transport, ann: User, races: int) -> None:
    """docs/extend/testing.md shows how to run it a thousand times."""
    session = Session.objects.create(user=ann)
    start = Barrier(2)

    def exchange(token: str) -> str:
        start.wait(timeout=10)
        return str(refresh(committing_api, token).refresh_token)

    def end(_: int) -> None:
        start.wait(timeout=10)
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        token = issue_refresh_token(session, new_secret())
        for _ in range(races):
            first, second = pool.map(exchange, (token, token))
            assert first == second != token
            token = first
        list(pool.map(end, range(2)))
    # The whole family: each exchange made exactly one.
    assert RefreshToken.objects.filter(session=session).count() == races + 1
    assert RefreshToken.objects.filter(session=session, used_at=None).count() == 1
