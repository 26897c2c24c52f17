import pytest

from tandem.auth.v1.auth_pb2 import RevokeApiKeyRequest
from tandem.user.v1.user_pb2 import GetUserRequest
from tests.support.factories import ApiKeyFactory, ServiceFactory, bearer_of
from tests.support.transports import Failed, Transport
from users.models import User

NOBODY = "0198a3c0-0000-7000-8000-00000000dead"

REVOKE = "AuthService/RevokeApiKey"
ME = GetUserRequest(user_id="me")


def test_revoked_key_is_rejected_at_once(api: Transport, ann: User) -> None:
    ended, kept = ApiKeyFactory(user=ann), ApiKeyFactory(user=ann)
    for key in (ended, kept):
        api("UserService/GetUser", ME, authorization=bearer_of(key))
    api(REVOKE, RevokeApiKeyRequest(id=str(ended.pk)), actor=ann)
    with pytest.raises(Failed, match="UNAUTHENTICATED"):
        api("UserService/GetUser", ME, authorization=bearer_of(ended))
    assert api("UserService/GetUser", ME, authorization=bearer_of(kept)).user.id == str(ann.pk)
    with pytest.raises(Failed, match="NOT_FOUND"):
        api(REVOKE, RevokeApiKeyRequest(id=str(ended.pk)), actor=ann)


def test_administrator_may_revoke_any_key(api: Transport, administrator: User, ann: User) -> None:
    for user in (ann, ServiceFactory()):
        key = ApiKeyFactory(user=user)
        api(REVOKE, RevokeApiKeyRequest(id=str(key.pk)), actor=administrator)
        with pytest.raises(Failed, match="UNAUTHENTICATED"):
            api("UserService/GetUser", ME, authorization=bearer_of(key))


def test_anothers_is_not_found(api: Transport, ann: User, bob: User) -> None:
    key = ApiKeyFactory(user=bob)
    with pytest.raises(Failed) as failed:
        api(REVOKE, RevokeApiKeyRequest(id=str(key.pk)), actor=ann)
    assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"API key not found: {key.pk}")
    assert api("UserService/GetUser", ME, authorization=bearer_of(key)).user.id == str(bob.pk)


@pytest.mark.parametrize("key_id", [NOBODY, "nonsense"])
def test_unknown_key_is_not_found(api: Transport, administrator: User, key_id: str) -> None:
    with pytest.raises(Failed, match="NOT_FOUND"):
        api(REVOKE, RevokeApiKeyRequest(id=key_id), actor=administrator)
