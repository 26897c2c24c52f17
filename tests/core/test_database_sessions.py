"""The setup of sessions: no JIT; in processes that serve calls, time limits for statements and idle transactions."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest
from django.db import OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from access.models import Session
from core import context
from core.db import sessions
from core.errors import problem_of
from tandem.user.v1.user_pb2 import GetUserRequest, UpdateUserRequest
from tandem.user.v1.user_pb2 import User as UserMessage
from tandem.user.v1.user_pb2_grpc import UserServiceStub
from tests.support.servers import Servers
from tests.support.transports import Failed, Transport
from users.models import User

TOO_LONG = "The database took too long for this call; request less, or try again."


@pytest.fixture
def limits() -> Iterator[None]:
    """The limits are this test's; afterwards there are none, as in every process that serves no calls."""
    yield
    sessions.limit(statement_seconds=0, idle_transaction_seconds=0)
    connection.close()


@contextmanager
def deadline_in(seconds: float) -> Iterator[None]:
    token = context.deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        context.deadline.reset(token)


def setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        value: str = cursor.fetchone()[0]
        return value


@pytest.fixture
def fresh(transactional_db: None, limits: None) -> BaseDatabaseWrapper:
    """The thread's connection, which is not made yet."""
    connection.close()
    return connection


@contextmanager
def locked(user: User) -> Iterator[None]:
    """Another session holds the user's row."""
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT FROM users_user WHERE id = %s FOR UPDATE", [user.pk])
        yield
        other.rollback()
    finally:
        other.close()


class TestSessions:
    def test_statements_are_not_compiled(self, fresh: BaseDatabaseWrapper) -> None:
        assert setting("jit") == "off"

    def test_processes_that_serve_no_calls_have_no_limits(self, fresh: BaseDatabaseWrapper) -> None:
        with deadline_in(5):
            assert (setting("statement_timeout"), setting("idle_in_transaction_session_timeout")) == ("0", "0")

    def test_sessions_of_calls_have_time_limits(self, fresh: BaseDatabaseWrapper) -> None:
        sessions.limit(statement_seconds=60, idle_transaction_seconds=45)
        assert (setting("statement_timeout"), setting("idle_in_transaction_session_timeout")) == ("1min", "45s")

    def test_a_statement_ends_with_the_deadline_of_its_call(self, fresh: BaseDatabaseWrapper) -> None:
        sessions.limit(statement_seconds=60, idle_transaction_seconds=60)
        assert setting("statement_timeout") == "1min"
        with deadline_in(4):
            assert setting("statement_timeout") == "5s"
            with transaction.atomic():
                assert setting("statement_timeout") == "5s"
        assert setting("statement_timeout") == "1min"

    def test_statements_outside_calls_are_not_limited(self, fresh: BaseDatabaseWrapper) -> None:
        sessions.limit(statement_seconds=60, idle_transaction_seconds=60)
        with sessions.unlimited():
            assert (setting("statement_timeout"), setting("idle_in_transaction_session_timeout")) == ("0", "0")

    def test_a_rolled_back_transaction_leaves_the_limit_as_it_is_known(self, fresh: BaseDatabaseWrapper) -> None:
        sessions.limit(statement_seconds=60, idle_transaction_seconds=60)
        with deadline_in(4), transaction.atomic():
            setting("jit")
            transaction.set_rollback(True)
        with deadline_in(4):
            assert setting("statement_timeout") == "5s"

    def test_a_statement_that_takes_too_long_is_ended(self, fresh: BaseDatabaseWrapper) -> None:
        sessions.limit(statement_seconds=0.2, idle_transaction_seconds=60)
        with pytest.raises(OperationalError) as raised, connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(30)")
        problem = problem_of(raised.value)
        assert (problem.reason, problem.message) == ("DEADLINE_EXCEEDED", TOO_LONG)
        assert setting("statement_timeout") == "200ms"

    def test_wait_of_a_commit_is_limited(self, fresh: BaseDatabaseWrapper, ann: User) -> None:
        """The foreign key of a new row is checked at the commit, which has no time limit."""
        sessions.limit(statement_seconds=0.2, idle_transaction_seconds=60)
        with locked(ann), pytest.raises(OperationalError) as raised:
            Session.objects.create(user=ann)
        assert problem_of(raised.value).reason == "DEADLINE_EXCEEDED"

    def test_a_transaction_that_does_nothing_is_ended(self, fresh: BaseDatabaseWrapper) -> None:
        sessions.limit(statement_seconds=60, idle_transaction_seconds=0.1)
        with pytest.raises(OperationalError) as raised, transaction.atomic():
            setting("jit")
            threading.Event().wait(1)
            setting("jit")
        assert problem_of(raised.value).reason == "UNAVAILABLE"


def test_a_call_that_waits_for_a_lock_ends_with_its_limit(committing_api: Transport, ann: User, limits: None) -> None:
    committing_api.bearer(ann)
    sessions.limit(statement_seconds=0.3, idle_transaction_seconds=60)
    with locked(ann), pytest.raises(Failed) as failed:
        committing_api(
            "UserService/UpdateUser",
            UpdateUserRequest(user_id="me", user=UserMessage(display_name="New")),
            actor=ann,
        )
    assert (failed.value.reason, failed.value.messages) == ("DEADLINE_EXCEEDED", {"": TOO_LONG})
    ann.refresh_from_db()
    assert ann.display_name == "Ann Other"


@pytest.mark.real_server
@pytest.mark.parametrize("servers", [{"DATABASE_STATEMENT_SECONDS": "1", "LOG_LEVEL": "CRITICAL"}], indirect=True)
def test_both_servers_have_the_limits(servers: Servers) -> None:
    with locked(User.objects.get(email="admin@example.com")):
        request = urllib.request.Request(
            f"{servers.http_url}/api/v1/users/me",
            data=json.dumps({"display_name": "New"}).encode(),
            headers={"Content-Type": "application/json"},
            method="PATCH",
        )
        with pytest.raises(urllib.error.HTTPError) as over_http:
            urllib.request.urlopen(request, timeout=20)
        assert (over_http.value.code, json.load(over_http.value)["detail"]) == (504, TOO_LONG)
        with grpc.insecure_channel(servers.grpc_address) as channel:
            stub = UserServiceStub(channel)
            with pytest.raises(grpc.RpcError) as over_grpc:
                stub.UpdateUser(
                    UpdateUserRequest(user_id="me", user=UserMessage(display_name="New")),
                    timeout=20,
                )
            assert (over_grpc.value.code(), over_grpc.value.details()) == (
                grpc.StatusCode.DEADLINE_EXCEEDED,
                TOO_LONG,
            )
            # The thread and its session are good for the next call.
            assert stub.GetUser(GetUserRequest(user_id="me"), timeout=20).user.id
