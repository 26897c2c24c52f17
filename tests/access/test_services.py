"""Limits, boundaries and messages of the services, called without a transport."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access import services, tokens
from access.models import ApiKey, RefreshToken, Session, StreamTicket
from access.services import api_keys, sessions, tickets
from core.errors import AlreadyExists, Conflict, RateLimited, Unauthenticated, problem_of
from tests.support.factories import AdministratorFactory, ApiKeyFactory, ServiceFactory
from tests.support.servers import until
from users.models import Status, User
from users.passwords.hashers import MAX_PASSWORD_LENGTH
from users.policies import CREDENTIALS

PATH = "/api/v1/tasks/stream"
SCOPES = ["tasks:read"]
PASSWORD = "correct horse battery"


def rejected(call: Callable[[], object]) -> tuple[str, str, str]:
    with pytest.raises(ValidationError) as caught:
        call()
    (violation,) = problem_of(caught.value).violations
    return violation.field, violation.code, violation.message


def failure(kind: type[Exception], call: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


def create(actor: Any, scopes: list[str] | None = None, **fields: Any) -> ApiKey:
    key, _ = services.create_api_key(actor, name="key", scopes=SCOPES if scopes is None else scopes, **fields)
    return key


def test_a_new_key_belongs_to_its_owner_and_records_its_creator(ann: User, administrator: User) -> None:
    service, expiry = ServiceFactory(), timezone.now() + timedelta(days=1)
    key, text = services.create_api_key(
        administrator, name="robot", scopes=SCOPES, expires_at=expiry, user_id=str(service.pk)
    )
    stored = ApiKey.objects.get()
    assert stored == key
    assert (stored.user, stored.created_by, stored.name) == (service, administrator, "robot")
    assert (stored.scopes, stored.expires_at) == (SCOPES, expiry)
    key_id, secret = tokens.read_api_key(text)
    assert (key_id, tokens.hash_of(secret)) == (key.pk, bytes(stored.secret_hash))
    assert create(ann).user == ann
    assert timezone.now() - timedelta(minutes=1) < stored.created_at <= timezone.now()


def test_a_key_has_as_many_scopes_as_the_limit_allows(ann: User) -> None:
    assert create(ann, SCOPES * 50).scopes == SCOPES
    assert rejected(lambda: create(ann, SCOPES * 51)) == ("scopes", "max_items", "Give at most 50 scopes.")


def test_only_administrators_create_keys_for_service_accounts(ann: User, bob: User, administrator: User) -> None:
    message = "Only administrators create API keys for other users, and only for service accounts."
    assert failure(PermissionDenied, lambda: create(administrator, user_id=str(bob.pk))) == message
    service = ServiceFactory()
    with pytest.raises((PermissionDenied, User.DoesNotExist)):
        create(ann, user_id=str(service.pk))
    assert create(administrator, user_id=str(service.pk)).user == service
    assert create(ann, user_id=str(ann.pk)).user == ann


def test_a_certificate_is_the_credential_of_one_service_account(ann: User, administrator: User) -> None:
    uri, service = "spiffe://example.com/report", str(ServiceFactory().pk)
    key = create(administrator, user_id=service, certificate_uri=uri)
    assert (ApiKey.objects.get().certificate_uri, create(ann).certificate_uri) == (uri, "")
    assert failure(AlreadyExists, lambda: create(administrator, user_id=service, certificate_uri=uri)) == (
        f"Another API key has the certificate {uri}; revoke it first."
    )
    services.revoke_api_keys(ApiKey.objects.filter(pk=key.pk))
    assert create(administrator, user_id=service, certificate_uri=uri).certificate_uri == uri
    assert rejected(lambda: create(ann, certificate_uri="spiffe://example.com/ann")) == (
        "certificate_uri", "invalid", "Only a service account is identified by a certificate.",
    )  # fmt: skip


def test_a_user_has_as_many_keys_as_the_limit_allows(ann: User, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "MAX_API_KEYS", 2)
    first = create(ann)
    create(bob)
    create(ann)
    assert failure(Conflict, lambda: create(ann)) == "A user has at most 2 API keys; revoke one first."
    assert services.revoke_api_keys(ApiKey.objects.filter(pk=first.pk)) == 1
    assert create(ann).user == ann


def test_only_signed_in_administrators_give_the_scope_of_credentials(ann: User, administrator: User) -> None:
    message = f"Administrators who are signed in give the scope {CREDENTIALS}, to service accounts."
    service = ServiceFactory()
    maker = ApiKeyFactory(user=administrator, scopes=[CREDENTIALS])
    assert create(administrator, [CREDENTIALS], user_id=str(service.pk)).scopes == [CREDENTIALS]
    for call in (
        lambda: create(administrator, [CREDENTIALS]),
        lambda: create(administrator, [CREDENTIALS], user_id=str(service.pk), made_with=maker.pk),
        lambda: create(service, [CREDENTIALS]),
    ):
        assert failure(PermissionDenied, call) == message


def test_a_key_creates_no_key_that_does_more_or_lasts_longer(ann: User) -> None:
    message = "An API key cannot create a key with more scopes or a later expiry than its own."
    tomorrow = timezone.now() + timedelta(days=1)
    lasting = ApiKeyFactory(user=ann, scopes=["tasks:read", "tasks:write"])
    ending = ApiKeyFactory(user=ann, scopes=["tasks:read", "tasks:write"], expires_at=tomorrow)
    assert create(ann, made_with=lasting.pk).expires_at is None
    assert create(ann, made_with=lasting.pk, expires_at=tomorrow).expires_at == tomorrow
    assert create(ann, ["tasks:read", "tasks:write"], made_with=ending.pk, expires_at=tomorrow)
    for fields in (
        {"made_with": ending.pk},
        {"made_with": ending.pk, "expires_at": tomorrow + timedelta(seconds=1)},
        {"made_with": ending.pk, "expires_at": tomorrow, "scopes": ["tasks:read", "users:read"]},
        {"made_with": lasting.pk, "scopes": ["users:read"]},
    ):
        assert failure(PermissionDenied, lambda fields=fields: create(ann, **fields)) == message


def test_keys_are_revoked_once(ann: User, bob: User) -> None:
    mine, other = ApiKeyFactory(user=ann), ApiKeyFactory(user=bob)
    services.revoke_api_key(ann, str(mine.pk))
    for key_id in (str(mine.pk), str(other.pk), "none"):
        assert failure(ApiKey.DoesNotExist, lambda key_id=key_id: services.revoke_api_key(ann, key_id)) == (
            f"API key not found: {key_id}"
        )
    services.revoke_api_key(AdministratorFactory(), str(other.pk))
    assert services.revoke_api_keys(ApiKey.objects.all()) == 0


def test_the_use_of_a_key_is_recorded_once_a_minute(ann: User) -> None:
    key, other = ApiKeyFactory(user=ann), ApiKeyFactory(user=ann)

    def used(seconds_ago: int, *, known_seconds_ago: int | None = None) -> bool:
        """Return whether a use is recorded; the process may know an older time than the database has."""
        stored = timezone.now() - timedelta(seconds=seconds_ago)
        known = stored if known_seconds_ago is None else timezone.now() - timedelta(seconds=known_seconds_ago)
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=stored)
        key.last_used_at = known
        services.note_key_use(key)
        return ApiKey.objects.get(pk=key.pk).last_used_at != stored

    services.note_key_use(key)
    key.refresh_from_db()
    assert timezone.now() - key.last_used_at < timedelta(seconds=5)
    assert not used(55)
    assert used(61)
    assert used(60)
    assert not used(55, known_seconds_ago=70)
    other.refresh_from_db()
    assert other.last_used_at is None


@pytest.mark.parametrize("path", [PATH, "/api/v1/meetings/0198-a:b@c~d.e_f/stream", "/api/v1/" + "x" * 292])
def test_a_ticket_is_for_one_path(ann: User, path: str) -> None:
    session = Session.objects.create(user=ann)
    ticket = services.create_ticket(ann, path, session_id=session.pk)
    row = StreamTicket.objects.get()
    assert (row.user, row.session, row.path, bytes(row.ticket_hash)) == (ann, session, path, tokens.hash_of(ticket))
    assert timedelta(seconds=55) < row.expires_at - timezone.now() <= timedelta(seconds=60)
    credential = services.redeem_ticket(ticket, path)
    assert (credential.actor, credential.session_id, credential.scopes) == (ann, session.pk, None)


@pytest.mark.parametrize(
    "path", ["/api/v1/", "/api/v2/tasks", "api/v1/tasks", PATH + "?x=1", PATH + "\n", "/api/v1/" + "x" * 293]
)
def test_an_invalid_path_gets_no_ticket(ann: User, path: str) -> None:
    assert rejected(lambda: services.create_ticket(ann, path, session_id=None)) == (
        "path", "invalid", "Give the path of a stream, without the query, as in /api/v1/tasks/stream.",
    )  # fmt: skip
    assert rejected(lambda: services.create_ticket(ann, "", session_id=None)) == (
        "path", "required", "Path is required.",
    )  # fmt: skip


def test_tickets_are_limited_per_user(ann: User, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "TICKETS_PER_MINUTE", 1)
    for user in (ann, bob):
        services.create_ticket(user, PATH, session_id=None)
    with pytest.raises(RateLimited) as caught:
        services.create_ticket(ann, PATH, session_id=None)
    assert caught.value.message == "Too many tickets; use the one you have."
    assert 0 < caught.value.retry_after_seconds <= 60


def test_a_ticket_is_used_up_even_if_it_is_rejected(ann: User) -> None:
    message = "This ticket is not valid; request a new one for each stream."
    ticket = services.create_ticket(ann, PATH, session_id=None)
    for path in (PATH + "x", PATH):
        assert failure(Unauthenticated, lambda path=path: services.redeem_ticket(ticket, path)) == message
    expired = services.create_ticket(ann, PATH, session_id=None)
    StreamTicket.objects.update(expires_at=timezone.now())
    assert failure(Unauthenticated, lambda: services.redeem_ticket(expired, PATH)) == message
    session = Session.objects.create(user=ann)
    ended = services.create_ticket(ann, PATH, session_id=session.pk)
    assert services.end_sessions(Session.objects.filter(pk=session.pk)) == 1
    assert failure(Unauthenticated, lambda: services.redeem_ticket(ended, PATH)) == (
        "This session has ended; sign in again."
    )


def test_a_refresh_token_is_required_and_lasts_for_the_configured_time(ann: User, settings: Any) -> None:
    for call in (services.refresh, services.logout):
        assert rejected(lambda call=call: call("")) == ("refresh_token", "required", "Refresh token is required.")
    settings.REFRESH_TOKEN_SECONDS = 100
    session = Session.objects.create(user=ann, last_used_at=timezone.now() - timedelta(days=1))
    token = services.issue_refresh_token(session, tokens.new_secret())
    grant = services.refresh(token)
    assert grant.session == session
    session.refresh_from_db()
    assert timezone.now() - session.last_used_at < timedelta(seconds=5)
    for row in RefreshToken.objects.all():
        assert timedelta(seconds=95) < row.expires_at - timezone.now() <= timedelta(seconds=100)
    assert RefreshToken.objects.get(token_hash=tokens.hash_of(token)).used_at is not None
    assert RefreshToken.objects.get(token_hash=tokens.hash_of(grant.refresh_token)).used_at is None


def test_a_token_that_expires_now_is_not_exchanged(ann: User) -> None:
    token = services.issue_refresh_token(Session.objects.create(user=ann), tokens.new_secret())
    RefreshToken.objects.update(expires_at=timezone.now())
    assert failure(Unauthenticated, lambda: services.refresh(token)) == "This session has ended; sign in again."


def test_sessions_are_ended_once_and_counted(ann: User, bob: User) -> None:
    mine = [Session.objects.create(user=ann) for _ in range(3)]
    other = Session.objects.create(user=bob)
    assert services.end_sessions(Session.objects.filter(pk=mine[0].pk)) == 1
    assert services.end_sessions(Session.objects.filter(user=ann)) == 2
    assert services.end_sessions(Session.objects.filter(user=ann)) == 0
    for session_id in (str(mine[0].pk), str(other.pk), "none", sessions.CURRENT_SESSION):
        assert failure(
            Session.DoesNotExist,
            lambda session_id=session_id: services.revoke_session(ann, session_id, current=None),
        ) == f"Session not found: {session_id}"  # fmt: skip
    other.refresh_from_db()
    assert other.revoked_at is None


@pytest.mark.parametrize("model", [Session, ApiKey])
def test_credentials_that_two_callers_end_at_once_are_counted_once(
    transactional_db: None, ann: User, model: type[Session] | type[ApiKey]
) -> None:
    row = Session.objects.create(user=ann) if model is Session else ApiKeyFactory(user=ann)

    def end(_: int) -> int:
        try:
            if model is Session:
                return services.end_sessions(Session.objects.filter(pk=row.pk))
            return services.revoke_api_keys(ApiKey.objects.filter(pk=row.pk))
        finally:
            connection.close()

    def are_both_waiting() -> bool:
        with connection.cursor() as cursor:
            # A transaction reads the activity once, and then keeps it.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            return bool(cursor.fetchone()[0] == 2)

    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            model.objects.select_for_update().get(pk=row.pk)
            counts = pool.map(end, range(2))
            # Both have read that the row is valid.
            until(are_both_waiting, "both callers wait for the row")
        assert sorted(counts) == [0, 1]


@pytest.fixture
def member(ann: User) -> User:
    ann.set_password(PASSWORD)
    ann.save()
    return ann


def log_in(user: User, **fields: str) -> Session:
    return services.login(**({"email": user.email, "password": PASSWORD} | fields)).session


def test_login_stores_what_the_client_shows_of_itself(member: User) -> None:
    assert (log_in(member).address, log_in(member).user_agent) == ("", "")
    Session.objects.all().delete()
    grant = services.login(email=member.email, password=PASSWORD, address="a" * 65, user_agent="cu\x00rl\n" + "x" * 300)
    session = Session.objects.get()
    assert (session, session.user, session.address) == (grant.session, member, "a" * 64)
    assert session.user_agent == "curl" + "x" * 296
    assert failure(Unauthenticated, lambda: services.login(email=member.email, password="wrong")) == (
        "Email or password is wrong."
    )
    assert rejected(lambda: services.login(email="", password="x")) == ("email", "required", "Email is required.")
    assert rejected(lambda: services.login(email="x", password="")) == (
        "password", "required", "Password is required.",
    )  # fmt: skip


def test_a_new_key_is_valid_although_a_server_with_a_faster_clock_ended_the_older_ones(ann: User) -> None:
    ann.tokens_valid_from = timezone.now() + timedelta(minutes=5)
    ann.save(update_fields=["tokens_valid_from"])
    assert create(ann).created_at == ann.tokens_valid_from


def test_a_new_session_is_valid_although_a_server_with_a_faster_clock_ended_the_older_ones(member: User) -> None:
    member.tokens_valid_from = timezone.now() + timedelta(minutes=5)
    member.save(update_fields=["tokens_valid_from"])
    assert log_in(member).created_at == member.tokens_valid_from


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [("LOGINS_PER_ADDRESS", 300), ("LOGINS_PER_ACCOUNT", 300), ("LOGIN_FAILURES_PER_ACCOUNT", 3600)],
)
def test_too_many_tries_are_rejected_with_the_time_to_wait(
    member: User, settings: Any, limit: str, seconds: int
) -> None:
    setattr(settings, limit, 1)
    assert failure(Unauthenticated, lambda: log_in(member, password="wrong")) == "Email or password is wrong."
    with pytest.raises(RateLimited) as caught:
        log_in(member)
    assert caught.value.message == "Too many tries; wait before the next one."
    assert seconds - 60 < caught.value.retry_after_seconds <= seconds


def test_tries_for_a_closed_account_are_limited_although_the_password_is_right(member: User, settings: Any) -> None:
    settings.LOGINS_PER_ACCOUNT = 2
    User.objects.filter(pk=member.pk).update(status=Status.BANNED)
    for kind in (Unauthenticated, Unauthenticated, RateLimited):
        failure(kind, lambda: log_in(member))


def test_a_password_is_compared_up_to_the_length_that_a_new_one_may_have(member: User) -> None:
    for length, is_accepted in ((MAX_PASSWORD_LENGTH, True), (MAX_PASSWORD_LENGTH + 1, False)):
        member.set_password("x" * length)
        member.save()
        if is_accepted:
            assert log_in(member, password="x" * length).user == member
        else:
            failure(Unauthenticated, lambda length=length: log_in(member, password="x" * length))


def test_sessions_without_expired_ones_are_not_pruned(ann: User) -> None:
    Session.objects.create(user=ann)
    assert services.prune_sessions() == 0


def test_the_ticket_of_a_file_is_good_for_an_hour_after_each_use(ann: User) -> None:
    ticket = services.create_ticket(ann, "/api/v1/Recordings/A-Z", session_id=None)
    for _ in range(2):
        credential = services.redeem_ticket(ticket, "/api/v1/Recordings/A-Z", reusable=True)
        assert credential.actor == ann
        left = StreamTicket.objects.get().expires_at - timezone.now()
        assert timedelta(minutes=59) < left <= timedelta(hours=1)
        StreamTicket.objects.update(expires_at=timezone.now() + timedelta(seconds=5))


def test_the_ticket_of_a_file_is_used_up_if_it_is_rejected(ann: User) -> None:
    ticket = services.create_ticket(ann, "/api/v1/recordings/1", session_id=None)
    for path in ("/api/v1/recordings/2", "/api/v1/recordings/1"):
        with pytest.raises(Unauthenticated):
            services.redeem_ticket(ticket, path, reusable=True)


@pytest.mark.parametrize("with_session", [False, True])
def test_a_ticket_is_read_with_one_query(ann: User, with_session: bool) -> None:
    session = Session.objects.create(user=ann) if with_session else None
    ticket = services.create_ticket(ann, PATH, session_id=session and session.pk)
    with CaptureQueriesContext(connection) as queries:
        services.redeem_ticket(ticket, PATH)
    assert len([query for query in queries if query["sql"].startswith("SELECT")]) == 1
