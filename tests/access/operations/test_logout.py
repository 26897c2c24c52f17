import pytest
from google.protobuf.empty_pb2 import Empty

from access.models import Session
from access.services import issue_refresh_token
from access.tokens import access_token, new_secret
from tandem.auth.v1.auth_pb2 import LogoutRequest, RefreshTokenRequest
from tandem.user.v1.user_pb2 import GetUserRequest
from tests.support.transports import Failed, Transport
from users.models import User

LOGOUT = "AuthService/Logout"


def test_only_this_session_ends(api: Transport, ann: User) -> None:
    here, there = Session.objects.create(user=ann), Session.objects.create(user=ann)
    token = issue_refresh_token(here, new_secret())
    bearers = {session: f"Bearer {access_token(session)}" for session in (here, there)}
    me = GetUserRequest(user_id="me")
    for bearer in bearers.values():
        api("UserService/GetUser", me, authorization=bearer)
    api(LOGOUT, LogoutRequest(refresh_token=token))
    with pytest.raises(Failed, match="UNAUTHENTICATED"):
        api("UserService/GetUser", me, authorization=bearers[here])
    with pytest.raises(Failed, match="UNAUTHENTICATED"):
        api("AuthService/RefreshToken", RefreshTokenRequest(refresh_token=token))
    assert api("UserService/GetUser", me, authorization=bearers[there]).user.id == str(ann.pk)


@pytest.mark.parametrize("token", ["nonsense", "x" * 5000])
def test_unknown_token_ends_no_session_and_is_not_an_error(api: Transport, ann: User, token: str) -> None:
    session = Session.objects.create(user=ann)
    assert api(LOGOUT, LogoutRequest(refresh_token=token)) == Empty()
    session.refresh_from_db()
    assert session.is_open


def test_a_token_is_required(api: Transport) -> None:
    with pytest.raises(Failed) as failed:
        api(LOGOUT, LogoutRequest())
    assert failed.value.fields == {"refresh_token": "required"}
