import pytest

from access.models import Session
from access.services import issue_refresh_token
from access.tokens import access_token, new_secret
from tandem.auth.v1.auth_pb2 import RefreshTokenRequest, RevokeSessionRequest
from tandem.user.v1.user_pb2 import GetUserRequest
from tests.support.transports import Failed, Transport
from users.models import User

NOBODY = "0198a3c0-0000-7000-8000-00000000dead"

REVOKE = "AuthService/RevokeSession"


@pytest.fixture
def here(ann: User) -> Session:
    return Session.objects.create(user=ann)


@pytest.fixture
def there(ann: User) -> Session:
    return Session.objects.create(user=ann)


def bearer(session: Session) -> str:
    return f"Bearer {access_token(session)}"


def is_open(api: Transport, session: Session) -> bool:
    try:
        api("UserService/GetUser", GetUserRequest(user_id="me"), authorization=bearer(session))
    except Failed as failed:
        assert failed.reason == "UNAUTHENTICATED"
        return False
    return True


def revoke(api: Transport, session_id: object, by: Session) -> None:
    api(REVOKE, RevokeSessionRequest(session_id=str(session_id)), authorization=bearer(by))


def test_only_the_named_session_ends(api: Transport, here: Session, there: Session) -> None:
    token = issue_refresh_token(there, new_secret())
    assert is_open(api, there)
    revoke(api, there.pk, by=here)
    assert (is_open(api, here), is_open(api, there)) == (True, False)
    with pytest.raises(Failed, match="UNAUTHENTICATED"):
        api("AuthService/RefreshToken", RefreshTokenRequest(refresh_token=token))


def test_current_is_the_one_of_the_call(api: Transport, here: Session, there: Session) -> None:
    revoke(api, "current", by=here)
    assert (is_open(api, here), is_open(api, there)) == (False, True)


def test_a_dash_is_all_others(api: Transport, here: Session, there: Session, bob: User) -> None:
    of_bob = Session.objects.create(user=bob)
    revoke(api, "-", by=here)
    assert is_open(api, here)
    assert not is_open(api, there)
    assert is_open(api, of_bob)
    revoke(api, "-", by=here)


def test_ended_session_is_not_found(api: Transport, here: Session, there: Session) -> None:
    revoke(api, there.pk, by=here)
    with pytest.raises(Failed, match="NOT_FOUND"):
        revoke(api, there.pk, by=here)


@pytest.mark.parametrize("session_id", [NOBODY, "nonsense", "--"])
def test_unknown_session_is_not_found(api: Transport, here: Session, session_id: str) -> None:
    with pytest.raises(Failed) as failed:
        revoke(api, session_id, by=here)
    assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"Session not found: {session_id}")


def test_the_development_identity_has_no_current_one(api: Transport, here: Session, settings: object) -> None:
    settings.DEBUG, settings.DEV_AUTH_AS = True, "ann@example.com"  # type: ignore[attr-defined]
    with pytest.raises(Failed, match="NOT_FOUND"):
        api(REVOKE, RevokeSessionRequest(session_id="current"))
    assert is_open(api, here)
    api(REVOKE, RevokeSessionRequest(session_id="-"))
    assert not is_open(api, here)
