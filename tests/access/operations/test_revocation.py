"""Every process notices the end of a credential within a second; here each transport is a process."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import grpc
import pytest

from access.models import Session
from access.services import issue_refresh_token, refresh
from access.tokens import access_token, new_secret
from tandem.auth.v1 import auth_pb2, auth_pb2_grpc
from tandem.user.v1 import user_pb2, user_pb2_grpc
from tests.support.factories import ApiKeyFactory, UserFactory, bearer_of
from tests.support.servers import Servers
from tests.support.shared_servers import db as db
from tests.support.shared_servers import servers as servers
from users.models import User

pytestmark = pytest.mark.real_server

MAX_SECONDS = 1.0


def http(servers: Servers, verb: str, path: str, authorization: str = "", body: object = None) -> int:
    headers = {"Authorization": authorization} if authorization else {}
    data = None
    if body is not None:
        headers["Content-Type"], data = "application/json", json.dumps(body).encode()
    request = urllib.request.Request(servers.http_url + path, method=verb, headers=headers, data=data)
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def let_in_over_http(servers: Servers, authorization: str) -> bool:
    return http(servers, "GET", "/api/v1/users/me", authorization) == 200


def let_in_over_grpc(servers: Servers, authorization: str) -> bool:
    with grpc.insecure_channel(servers.grpc_address) as channel:
        try:
            request = user_pb2.GetUserRequest(user_id="me")
            user_pb2_grpc.UserServiceStub(channel).GetUser(
                request, metadata=[("authorization", authorization)], timeout=5
            )
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
            return False
    return True


DOORS = (let_in_over_http, let_in_over_grpc)


def seconds_until_refused(servers: Servers, authorization: str, end: Callable[[], object]) -> list[float]:
    """Return how long each transport accepts the credential after its end; both have cached it shortly before."""
    assert all(let_in(servers, authorization) for let_in in DOORS)
    end()
    ended = time.monotonic()
    last = [0.0, 0.0]
    while time.monotonic() < ended + MAX_SECONDS + 0.5:
        for index, let_in in enumerate(DOORS):
            begun = time.monotonic()
            if let_in(servers, authorization):
                last[index] = begun - ended
    return last


@pytest.fixture
def user(servers: Servers) -> User:
    return UserFactory()


def a_session(user: User) -> tuple[Session, str]:
    session = Session.objects.create(user=user)
    return session, f"Bearer {access_token(session)}"


def test_session_ended_over_one_transport_ends_on_both(servers: Servers, user: User) -> None:
    (_, here), (there, ended) = a_session(user), a_session(user)

    def over_grpc() -> None:
        with grpc.insecure_channel(servers.grpc_address) as channel:
            auth_pb2_grpc.AuthServiceStub(channel).RevokeSession(
                auth_pb2.RevokeSessionRequest(session_id=str(there.pk)), metadata=[("authorization", here)], timeout=5
            )

    assert max(seconds_until_refused(servers, ended, over_grpc)) < MAX_SECONDS
    assert all(let_in(servers, here) for let_in in DOORS)


def test_reuse_of_a_refresh_token_ends_the_session(servers: Servers, user: User) -> None:
    session, ended = a_session(user)
    token = issue_refresh_token(session, new_secret())
    refresh(refresh(token).refresh_token)

    def replay() -> None:
        assert http(servers, "POST", "/api/v1/auth/refresh", body={"refresh_token": token}) == 401

    assert max(seconds_until_refused(servers, ended, replay)) < MAX_SECONDS


def test_api_key_revoked_over_one_transport_ends_on_both(servers: Servers, user: User) -> None:
    key = ApiKeyFactory(user=user)
    _, here = a_session(user)

    def over_http() -> None:
        assert http(servers, "DELETE", f"/api/v1/auth/api-keys/{key.pk}", here) == 204

    assert max(seconds_until_refused(servers, bearer_of(key), over_http)) < MAX_SECONDS
