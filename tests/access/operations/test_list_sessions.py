from datetime import timedelta

import pytest
from django.utils import timezone

from access.models import Session
from access.tokens import access_token
from tandem.auth.v1.auth_pb2 import ListSessionsRequest
from tests.support.transports import Transport
from users.models import User

LIST = "AuthService/ListSessions"


def bearer(session: Session) -> str:
    return f"Bearer {access_token(session)}"


def test_open_sessions_are_listed_last_used_first(api: Transport, ann: User, bob: User) -> None:
    now = timezone.now()
    old = Session.objects.create(user=ann, last_used_at=now - timedelta(days=2))
    here = Session.objects.create(
        user=ann, address="192.0.2.7", user_agent="Phone", last_used_at=now - timedelta(hours=1)
    )
    Session.objects.create(user=ann, revoked_at=now)
    Session.objects.create(user=ann, last_used_at=now - timedelta(days=8))
    Session.objects.create(user=ann, created_at=ann.tokens_valid_from - timedelta(seconds=1))
    Session.objects.create(user=bob)
    first, second = api(LIST, ListSessionsRequest(), authorization=bearer(here)).sessions
    assert first.id == str(here.pk)
    assert first.ip == "192.0.2.7"
    assert first.user_agent == "Phone"
    assert first.current
    assert (second.id, second.current) == (str(old.pk), False)
    assert first.created_at.seconds == int(here.created_at.timestamp())
    assert first.last_used_at.seconds == int(here.last_used_at.timestamp())


def test_the_development_identity_has_no_current_one(api: Transport, ann: User, settings: object) -> None:
    settings.DEBUG, settings.DEV_AUTH_AS = True, "ann@example.com"  # type: ignore[attr-defined]
    Session.objects.create(user=ann)
    (session,) = api(LIST, ListSessionsRequest()).sessions
    assert not session.current


@pytest.mark.parametrize("count", [1, 20])
def test_number_of_queries_is_constant(
    api: Transport, ann: User, count: int, django_assert_num_queries: object
) -> None:
    session, *_ = [Session.objects.create(user=ann) for _ in range(count)]
    authorization = bearer(session)
    with django_assert_num_queries(2):  # type: ignore[operator]
        assert len(api(LIST, ListSessionsRequest(), authorization=authorization).sessions) == count
