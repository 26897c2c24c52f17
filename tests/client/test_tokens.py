"""Sessions and keys: tokens that last two seconds are refreshed by one thread and passed to their store."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from tandem.auth.v1.auth_pb2 import CreateApiKeyRequest, RevokeApiKeyRequest, RevokeSessionRequest, TokenPair
from tandem.client import Client, Forbidden, SnapshotEnd, Unauthenticated
from tandem.task.v1.task_pb2 import CreateTaskRequest, GetTaskStatsRequest, TaskStats
from tandem.user.v1.user_pb2 import CreateUserRequest
from tests.client.conftest import NewClient
from tests.support.async_client import BlockingAsyncClient
from tests.support.client_server import Server
from tests.support.proxy import Proxy
from tests.support.servers import until

pytestmark = [pytest.mark.real_server, pytest.mark.django_db]

PASSWORD = "A-nanosecond-of-wire"


@pytest.fixture
def email(client: Client) -> str:
    """A user who can log in."""
    email = f"{secrets.token_hex(6)}@example.com"
    client.users.CreateUser(CreateUserRequest(email=email, password=PASSWORD))
    return email


@pytest.fixture
def received() -> list[TokenPair]:
    return []


@pytest.fixture
def session(server: Server, email: str, received: list[TokenPair], new_client: NewClient) -> Iterator[Client]:
    """The session of that user, by password."""
    with new_client(server.address, email=email, password=PASSWORD, on_tokens=received.append) as client:
        yield client


def ask(client: Client) -> TaskStats:
    """Make a call that needs a session."""
    return client.tasks.GetTaskStats(GetTaskStatsRequest())


def test_a_session_outlives_its_tokens(session: Client, received: list[TokenPair]) -> None:
    ask(session)
    assert len(received) == 1

    def renewed() -> bool:
        ask(session)
        return len(received) >= 3

    until(renewed, "the token was renewed twice, and each call let in")
    assert (
        len({pair.access_token for pair in received}) == len({pair.refresh_token for pair in received}) == len(received)
    )


def test_threads_that_find_it_refused_renew_it_once(
    session: Client, received: list[TokenPair], server: Server, new_client: NewClient
) -> None:
    ask(session)
    with new_client(server.address, token=received[-1].access_token) as other:
        other.auth.RevokeSession(RevokeSessionRequest(session_id="current"))
        until(lambda: not is_let_in(other), "the session is revoked")
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: ask(session), range(16)))
    assert len(received) == 2


def is_let_in(client: Client) -> bool:
    try:
        ask(client)
    except Unauthenticated:
        return False
    return True


def test_open_watch_outlives_expired_tokens(session: Client, received: list[TokenPair]) -> None:
    ask(session)
    with ThreadPoolExecutor(1) as pool, session.watch_tasks(include_initial=True) as watch:
        assert isinstance(next(watch), SnapshotEnd)
        # Without calls in between, the server ends the stream and the watch itself requests a new token.
        waiting = pool.submit(next, watch)
        until(lambda: len(received) >= 3, "the watch has renewed the token twice")
        session.tasks.CreateTask(CreateTaskRequest(title="Much later"))
        assert waiting.result(20).task.title == "Much later"


def test_a_revoked_session_is_an_error(
    server: Server, session: Client, received: list[TokenPair], email: str, new_client: NewClient
) -> None:
    ask(session)
    with new_client(server.address, refresh_token=received[-1].refresh_token) as client:
        ask(client)
        client.auth.RevokeSession(RevokeSessionRequest(session_id="current"))
        with pytest.raises(Unauthenticated):
            ask(client)
        with client.watch_tasks() as watch, pytest.raises(Unauthenticated):
            next(watch)
        with pytest.raises(StopIteration):
            next(watch)
    # A client with the password logs in again.
    ask(session)


def test_a_session_revoked_under_a_watch_ends_it(
    server: Server, session: Client, received: list[TokenPair], new_client: NewClient
) -> None:
    ask(session)
    with ThreadPoolExecutor(1) as pool, new_client(server.address, refresh_token=received[-1].refresh_token) as client:
        watch = client.watch_tasks(include_initial=True)
        assert isinstance(next(watch), SnapshotEnd)
        waiting = pool.submit(next, watch)
        client.auth.RevokeSession(RevokeSessionRequest(session_id="current"))
        with pytest.raises(Unauthenticated):
            waiting.result(10)


def test_stored_refresh_token_restores_the_session(
    server: Server, session: Client, received: list[TokenPair], new_client: NewClient
) -> None:
    ask(session)
    for _ in range(3):
        with new_client(server.address, refresh_token=received[-1].refresh_token, on_tokens=received.append) as client:
            ask(client)
    assert len(received) == 4


def test_refresh_with_a_lost_answer_is_repeated(
    server: Server, proxy: Proxy, session: Client, received: list[TokenPair], new_client: NewClient
) -> None:
    ask(session)
    with new_client(proxy.address, refresh_token=received[-1].refresh_token, on_tokens=received.append) as client:
        connect(client)
        proxy.swallows = True
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(ask, client)
            until(lambda: proxy.swallowed_bytes > 300, "the answer is lost")
            proxy.swallows = False
            proxy.cut()
            waiting.result(20)
    assert len(received) == 2
    with new_client(server.address, refresh_token=received[-1].refresh_token) as client:
        ask(client)


def connect(client: Client) -> None:
    if isinstance(client, BlockingAsyncClient):
        client.connect()
    else:
        grpc.channel_ready_future(client.channel).result(10)


def test_rejected_refresh_is_not_repeated(proxy: Proxy, email: str, new_client: NewClient) -> None:
    with new_client(proxy.address, email=email, password="wrong") as client:
        for _ in range(2):
            with pytest.raises(Unauthenticated):
                ask(client)
            proxy.cut()
        # The second call did not even connect.
        assert proxy.cuts == 1


def test_an_api_key_is_shown_as_it_is(server: Server, session: Client, new_client: NewClient) -> None:
    made = session.auth.CreateApiKey(CreateApiKeyRequest(name="test", scopes=["tasks:read"]))
    with new_client(server.address, api_key=made.secret) as client:
        ask(client)
        with pytest.raises(Forbidden):
            client.tasks.CreateTask(CreateTaskRequest(title="No"))
        session.auth.RevokeApiKey(RevokeApiKeyRequest(id=made.api_key.id))
        until(lambda: not is_let_in(client), "the key is revoked")
