from datetime import timedelta

from django.utils import timezone

from tandem.auth.v1.auth_pb2 import ListApiKeysRequest
from tests.support.factories import SECRET, ApiKeyFactory
from tests.support.transports import Transport
from users.models import User

LIST = "AuthService/ListApiKeys"


def test_own_keys_are_listed_newest_first_without_secrets(api: Transport, ann: User, bob: User) -> None:
    now = timezone.now()
    used = ApiKeyFactory(user=ann, name="Used", last_used_at=now, scopes=["users:read", "users:write"])
    expired = ApiKeyFactory(user=ann, name="Expired", expires_at=now - timedelta(days=1))
    ApiKeyFactory(user=ann, revoked_at=now)
    ApiKeyFactory(user=ann, created_at=ann.tokens_valid_from - timedelta(seconds=1))
    ApiKeyFactory(user=bob)
    response = api(LIST, ListApiKeysRequest(), actor=ann)
    assert [(key.id, key.name) for key in response.api_keys] == [(str(expired.pk), "Expired"), (str(used.pk), "Used")]
    received = response.api_keys[1]
    assert list(received.scopes) == ["users:read", "users:write"]
    assert received.last_used_at.seconds == int(now.timestamp())
    assert not received.HasField("expires_at")
    assert SECRET not in str(response)
