from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from access import services
from access.models import Session, StreamTicket
from access.services import redeem_ticket, tickets
from access.tokens import access_token
from core.errors import RateLimited, Unauthenticated
from tandem.auth.v1.auth_pb2 import CreateStreamTicketRequest
from tests.support.transports import Failed, Transport
from users.models import Status, User

CREATE = "AuthService/CreateStreamTicket"
PATH = "/api/v1/tasks/stream"


@pytest.fixture
def session(ann: User) -> Session:
    return Session.objects.create(user=ann)


@pytest.fixture
def ticket(api: Transport, session: Session) -> str:
    request = CreateStreamTicketRequest(path=PATH)
    return str(api(CREATE, request, authorization=f"Bearer {access_token(session)}").ticket)


def is_invalid(ticket: str, path: str = PATH) -> bool:
    with pytest.raises(Unauthenticated):
        redeem_ticket(ticket, path)
    return True


def test_ticket_authenticates_once(api: Transport, ann: User, session: Session) -> None:
    made = api(CREATE, CreateStreamTicketRequest(path=PATH), authorization=f"Bearer {access_token(session)}")
    assert made.expires_in == 60
    assert made.ticket.encode() not in bytes(StreamTicket.objects.get().ticket_hash)
    credential = redeem_ticket(made.ticket, PATH)
    assert credential.actor == ann
    assert credential.session_id == session.pk
    assert credential.scopes is None
    assert is_invalid(made.ticket)


def test_on_another_path_it_is_refused_and_used_up(ticket: str) -> None:
    assert is_invalid(ticket, "/api/v1/changes/stream")
    assert is_invalid(ticket)


def test_only_one_of_concurrent_uses_succeeds(transactional_db: None, ann: User) -> None:
    start = Barrier(2)

    def redeem(ticket: str) -> bool:
        try:
            start.wait(timeout=10)
            redeem_ticket(ticket, PATH)
        except Unauthenticated:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        for _ in range(10):
            ticket = services.create_ticket(ann, PATH, session_id=None)
            assert sorted(pool.map(redeem, (ticket, ticket))) == [False, True]


@pytest.mark.parametrize("unknown", ["", "nonsense", "x" * 10_000])
def test_an_unknown_one_is_refused(ticket: str, unknown: str) -> None:
    assert is_invalid(unknown)
    assert redeem_ticket(ticket, PATH)


def too_late(user: User) -> None:
    StreamTicket.objects.update(expires_at=timezone.now())


def session_ended(user: User) -> None:
    services.end_sessions(Session.objects.filter(user=user))


def account_closed(user: User) -> None:
    User.objects.filter(pk=user.pk).update(status=Status.BANNED)


def password_changed(user: User) -> None:
    User.objects.filter(pk=user.pk).update(tokens_valid_from=timezone.now() + timedelta(seconds=1))


@pytest.mark.parametrize("meanwhile", [too_late, session_ended, account_closed, password_changed])
def test_ticket_ends_with_its_credential(ticket: str, ann: User, meanwhile: Callable[[User], None]) -> None:
    meanwhile(ann)
    assert is_invalid(ticket)


def test_the_development_identity_gets_one_too(api: Transport, ann: User, settings: object) -> None:
    settings.DEBUG, settings.DEV_AUTH_AS = True, "ann@example.com"  # type: ignore[attr-defined]
    credential = redeem_ticket(api(CREATE, CreateStreamTicketRequest(path=PATH)).ticket, PATH)
    assert (credential.actor, credential.session_id) == (ann, None)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("", "required"),
        ("api/v1/tasks/stream", "invalid"),
        ("/admin/", "invalid"),
        (PATH + "?ticket=x", "invalid"),
        ("https://example.com/api/v1/x", "invalid"),
        ("/api/v1/" + "x" * 300, "invalid"),
        ("/api/v1/a\nb", "invalid"),
    ],
)
def test_path_must_be_one_of_a_stream(api: Transport, ann: User, path: str, code: str) -> None:
    with pytest.raises(Failed) as failed:
        api(CREATE, CreateStreamTicketRequest(path=path), actor=ann)
    assert failed.value.fields == {"path": code}


def test_number_of_tickets_per_minute_is_limited(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "TICKETS_PER_MINUTE", 2)
    for _ in range(2):
        services.create_ticket(ann, PATH, session_id=None)
    with pytest.raises(RateLimited):
        services.create_ticket(ann, PATH, session_id=None)
