import re
from datetime import timedelta

import pytest
from django.utils import timezone
from google.protobuf.timestamp_pb2 import Timestamp

from access.models import ApiKey
from access.services import api_keys
from tandem.auth.v1.auth_pb2 import CreateApiKeyRequest, CreateApiKeyResponse
from tandem.user.v1.user_pb2 import GetUserRequest
from tests.support.factories import ApiKeyFactory, ServiceFactory
from tests.support.transports import Failed, Transport
from users.models import User

NOBODY = "0198a3c0-0000-7000-8000-00000000dead"

CREATE = "AuthService/CreateApiKey"


def create(api: Transport, actor: User, **fields: object) -> CreateApiKeyResponse:
    given = {"name": "Nightly report", "scopes": ["users:read"]} | fields
    return api(CREATE, CreateApiKeyRequest(**given), actor=actor)  # type: ignore[arg-type]


def at(moment: object) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)  # type: ignore[arg-type]
    return message


def test_key_is_accepted_and_stored_as_a_hash(api: Transport, ann: User) -> None:
    expires_at = timezone.now() + timedelta(days=90)
    made = create(api, ann, name=" Report ", scopes=["users:write", "users:read"], expires_at=at(expires_at))
    key = made.api_key
    assert (key.name, list(key.scopes)) == ("Report", ["users:read", "users:write"])
    assert key.expires_at.ToDatetime(expires_at.tzinfo) == expires_at
    assert key.HasField("created_at")
    assert not key.HasField("last_used_at")
    match = re.fullmatch(r"tdm_(.{36})_([A-Za-z0-9_-]{43})", made.secret)
    assert match
    assert match[1] == key.id
    me = api("UserService/GetUser", GetUserRequest(user_id="me"), authorization=f"Bearer {made.secret}").user
    assert me.id == str(ann.pk)
    stored = ApiKey.objects.get(pk=key.id)
    assert match[2] not in str(ApiKey.objects.filter(pk=key.id).values())
    assert len(bytes(stored.secret_hash)) == 32
    assert (stored.user_id, stored.created_by_id) == (ann.pk, ann.pk)


def test_each_has_a_secret_of_its_own(api: Transport, ann: User) -> None:
    request = CreateApiKeyRequest(name="Twice", scopes=["users:read"])
    first, second = (api.answer(CREATE, request, actor=ann, idempotency_key="k-1") for _ in range(2))
    assert not second.replayed
    assert first.message.secret != second.message.secret


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"name": " "}, {"name": "required"}),
        ({"name": "x" * 101}, {"name": "max_length"}),
        ({"name": "a\nb"}, {"name": "control_characters"}),
        ({"scopes": []}, {"scopes": "required"}),
        ({"scopes": ["users:read", "moons:read"]}, {"scopes.1": "choice"}),
        ({"expires_at": Timestamp(seconds=1)}, {"expires_at": "range"}),
        ({"scopes": ["moons:read"] * 51}, {"scopes": "max_items"}),
        ({"scopes": ["users:read"] * 51}, {"scopes": "max_items"}),
        ({"name": "", "scopes": ["x"]}, {"name": "required", "scopes.0": "choice"}),
    ],
)
def test_every_invalid_field_is_named(
    api: Transport, ann: User, fields: dict[str, object], bad: dict[str, str]
) -> None:
    with pytest.raises(Failed) as failed:
        create(api, ann, **fields)
    assert (failed.value.reason, failed.value.fields) == ("INVALID", bad)


def test_an_administrator_makes_one_for_a_service_account(api: Transport, administrator: User) -> None:
    service = ServiceFactory()
    made = create(api, administrator, user_id=str(service.pk))
    stored = ApiKey.objects.get(pk=made.api_key.id)
    assert (stored.user_id, stored.created_by_id) == (service.pk, administrator.pk)


def test_users_cannot_create_keys_for_others(api: Transport, administrator: User, ann: User, bob: User) -> None:
    for actor in (administrator, ann):
        with pytest.raises(Failed, match="FORBIDDEN"):
            create(api, actor, user_id=str(bob.pk))
    assert create(api, ann, user_id=str(ann.pk)).secret
    assert create(api, ann, user_id="me").secret


def test_only_an_administrator_makes_one_for_a_service_account(api: Transport, ann: User, support: User) -> None:
    service = ServiceFactory()
    for actor in (ann, support):
        with pytest.raises(Failed, match="FORBIDDEN"):
            create(api, actor, user_id=str(service.pk))


@pytest.mark.parametrize("user_id", [NOBODY, "nonsense"])
def test_user_must_exist(api: Transport, administrator: User, user_id: str) -> None:
    with pytest.raises(Failed) as failed:
        create(api, administrator, user_id=user_id)
    assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"User not found: {user_id}")


def test_number_of_keys_is_limited(api: Transport, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "MAX_API_KEYS", 2)
    ApiKeyFactory(user=ann, revoked_at=timezone.now())
    for _ in range(2):
        create(api, ann)
    with pytest.raises(Failed, match="CONFLICT"):
        create(api, ann)


def test_a_scope_that_is_repeated_counts_once(api: Transport, ann: User) -> None:
    assert list(create(api, ann, scopes=["users:read"] * 50).api_key.scopes) == ["users:read"]
