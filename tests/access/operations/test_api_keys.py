"""API keys over both transports. tests/contract/test_access.py lists the operations that they may call."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from access.models import ApiKey
from changes.feed import numbering
from tandem.auth.v1 import auth_pb2
from tandem.change.v1 import change_pb2
from tandem.user.v1 import user_pb2
from tests.support.credentials import forget_credentials
from tests.support.factories import ApiKeyFactory, ServiceFactory, TaskFactory, bearer_of
from tests.support.transports import Failed, Transport
from users.models import Role, Status, User
from users.policies import CREDENTIALS

BOTH = ["users:read", "users:write"]
ME = user_pb2.GetUserRequest(user_id="me")
LACKS_CREDENTIALS = "This API key lacks the scope users:credentials."


def outcome(api: Transport, operation: str, request: Message, authorization: str) -> str:
    try:
        api(operation, request, authorization=authorization)
    except Failed as failed:
        return failed.reason
    return "OK"


def rename(user: User) -> user_pb2.UpdateUserRequest:
    name = FieldMask(paths=["first_name"])
    return user_pb2.UpdateUserRequest(user_id=str(user.pk), user=user_pb2.User(first_name="New"), update_mask=name)


@pytest.mark.parametrize(
    ("scopes", "reads", "writes"),
    [(["users:read"], "OK", "FORBIDDEN"), (["users:write"], "FORBIDDEN", "OK"), (BOTH, "OK", "OK")],
)
@pytest.mark.parametrize("of_service", [False, True])
def test_each_scope_is_for_its_operations(
    api: Transport, ann: User, scopes: list[str], reads: str, writes: str, of_service: bool
) -> None:
    user = ServiceFactory() if of_service else ann
    bearer = bearer_of(ApiKeyFactory(user=user, scopes=scopes))
    assert outcome(api, "UserService/GetUser", ME, bearer) == reads
    assert outcome(api, "UserService/ListUsers", user_pb2.ListUsersRequest(), bearer) == reads
    assert outcome(api, "UserService/UpdateUser", rename(user), bearer) == writes


def test_missing_scope_is_named(api: Transport, ann: User) -> None:
    with pytest.raises(Failed) as failed:
        api("UserService/UpdateUser", rename(ann), authorization=bearer_of(ApiKeyFactory(user=ann)))
    assert failed.value.message == "This API key lacks the scope users:write."


def test_feed_requires_the_scope_of_each_type(api: Transport, ann: User) -> None:
    """`changes:read` alone shows nothing of what is in the feed."""
    numbering.begin()
    TaskFactory(created_by=ann)
    numbering.number()

    def subjects(scopes: list[str], *types: str) -> set[str] | str:
        request = change_pb2.ListChangesRequest(subject_types=types, page_size=100)
        bearer = bearer_of(ApiKeyFactory(user=ann, scopes=["changes:read", *scopes]))
        try:
            found = api("ChangeService/ListChanges", request, authorization=bearer)
        except Failed as failed:
            assert failed.reason == "FORBIDDEN"
            return failed.message.rpartition(" ")[2]
        return {change.subject_type for change in found.changes}

    assert subjects([], "task") == "tasks:read."
    assert subjects(["users:read", "meetings:read"], "user", "task") == "tasks:read."
    assert subjects(["tasks:read"], "task") == {"task"}
    areas = ("drawings", "meetings", "projects", "tasks", "users")
    for lacking in areas:
        assert subjects([f"{area}:read" for area in areas if area != lacking]) == f"{lacking}:read."
    assert subjects([f"{area}:read" for area in areas]) == {"user", "task"}
    watch = change_pb2.WatchChangesRequest(subject_types=["task"])
    bearer = bearer_of(ApiKeyFactory(user=ann, scopes=["changes:read"]))
    assert outcome(api, "ChangeService/WatchChanges", watch, bearer) == "FORBIDDEN"


def test_key_grants_no_more_than_its_user_has(api: Transport, ann: User, bob: User) -> None:
    bearer = bearer_of(ApiKeyFactory(user=ann, scopes=BOTH))
    assert outcome(api, "UserService/UpdateUser", rename(bob), bearer) == "FORBIDDEN"
    assert not api("UserService/GetUser", user_pb2.GetUserRequest(user_id=str(bob.pk)), authorization=bearer).user.email


def test_scopes_limit_administrators_too(api: Transport, administrator: User, bob: User) -> None:
    bearer = bearer_of(ApiKeyFactory(user=administrator, scopes=["users:read"]))
    assert api("UserService/GetUser", user_pb2.GetUserRequest(user_id=str(bob.pk)), authorization=bearer).user.email
    assert outcome(api, "UserService/UpdateUser", rename(bob), bearer) == "FORBIDDEN"


def test_a_service_account_administers(api: Transport, bob: User) -> None:
    bearer = bearer_of(ApiKeyFactory(user=ServiceFactory(), scopes=[*BOTH, CREDENTIALS]))
    request = user_pb2.UpdateUserRequest(user_id=str(bob.pk), user=user_pb2.User(roles=[user_pb2.USER_ROLE_SUPPORT]))
    assert list(api("UserService/UpdateUser", request, authorization=bearer).user.roles) == [Role.SUPPORT]
    made = user_pb2.CreateUserRequest(email="new@example.com", roles=[user_pb2.USER_ROLE_ADMIN])
    assert list(api("UserService/CreateUser", made, authorization=bearer).user.roles) == [Role.ADMIN]


def test_key_does_not_count_as_remaining_administrator(api: Transport, administrator: User) -> None:
    bearer = bearer_of(ApiKeyFactory(user=ServiceFactory(roles=[Role.ADMIN]), scopes=[*BOTH, CREDENTIALS]))
    request = user_pb2.UpdateUserRequest(
        user_id=str(administrator.pk), user=user_pb2.User(roles=[user_pb2.USER_ROLE_CUSTOMER])
    )
    assert outcome(api, "UserService/UpdateUser", request, bearer) == "CONFLICT"


def test_without_the_scope_the_holder_counts_as_anonymous(api: Transport) -> None:
    bearer = bearer_of(ApiKeyFactory(user=ServiceFactory(), scopes=["users:read"]))
    roles = user_pb2.CreateUserRequest(email="boss@example.com", roles=[user_pb2.USER_ROLE_ADMIN])
    assert outcome(api, "UserService/CreateUser", roles, bearer) == "FORBIDDEN"
    api("UserService/CreateUser", user_pb2.CreateUserRequest(email="new@example.com"), authorization=bearer)
    assert User.objects.get(email="new@example.com").created_by is None
    assert outcome(api, "UserService/HealthCheck", Empty(), bearer) == "OK"


def test_key_cannot_create_credentials(api: Transport, administrator: User) -> None:
    bearer = bearer_of(ApiKeyFactory(user=administrator, scopes=BOTH))
    request = auth_pb2.CreateApiKeyRequest(name="More", scopes=BOTH)
    with pytest.raises(Failed) as failed:
        api("AuthService/CreateApiKey", request, authorization=bearer)
    assert failed.value.message == LACKS_CREDENTIALS
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"created_at": timezone.now() - timedelta(days=1)},
        {"secret_hash": b"x" * 32},
    ],
    ids=["revoked", "expired", "older than the last change of password", "another secret"],
)
def test_expired_or_revoked_key_is_rejected(api: Transport, ann: User, changes: dict[str, object]) -> None:
    assert outcome(api, "UserService/GetUser", ME, bearer_of(ApiKeyFactory(user=ann, **changes))) == "UNAUTHENTICATED"


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.SUSPENDED, Status.BANNED])
def test_key_of_a_closed_account_is_rejected(api: Transport, ann: User, status: int) -> None:
    key = ApiKeyFactory(user=ann)
    User.objects.filter(pk=ann.pk).update(status=status)
    assert outcome(api, "UserService/GetUser", ME, bearer_of(key)) == "UNAUTHENTICATED"


def test_deactivation_ends_it_for_good(api: Transport, administrator: User) -> None:
    service = ServiceFactory()
    key = ApiKeyFactory(user=service)
    api("UserService/DeactivateUser", user_pb2.DeactivateUserRequest(user_id=str(service.pk)), actor=administrator)
    assert outcome(api, "UserService/GetUser", ME, bearer_of(key)) == "UNAUTHENTICATED"
    api("UserService/ReactivateUser", user_pb2.ReactivateUserRequest(user_id=str(service.pk)), actor=administrator)
    assert outcome(api, "UserService/GetUser", ME, bearer_of(key)) == "UNAUTHENTICATED"
    assert outcome(api, "UserService/GetUser", ME, bearer_of(ApiKeyFactory(user=service))) == "OK"


def test_malformed_key_is_rejected(api: Transport, ann: User) -> None:
    good = bearer_of(ApiKeyFactory(user=ann)).removeprefix("Bearer ")
    for token in (
        "tdm_", "tdm__", f"tdm_{uuid.uuid4()}", f"tdm_{uuid.uuid4()}_x", good[:-1], good + "x", good.upper(),
        good.replace(good[4:40], good[4:40].upper()), good + "=", good + "\u00a0", good.replace("-", "", 4),
        "tdm_" + "x" * 5000, good + "x" * 5000, good.removeprefix("tdm_"),
    ):  # fmt: skip
        assert outcome(api, "UserService/GetUser", ME, f"Bearer {token}") == "UNAUTHENTICATED"
    assert outcome(api, "UserService/GetUser", ME, f"bearer  {good}") == "OK"


def test_use_is_recorded_at_most_once_a_minute(api: Transport, ann: User) -> None:
    key = ApiKeyFactory(user=ann)

    def used() -> object:
        forget_credentials()
        assert outcome(api, "UserService/GetUser", ME, bearer_of(key)) == "OK"
        key.refresh_from_db()
        return key.last_used_at

    first = used()
    assert first == pytest.approx(timezone.now(), abs=timedelta(minutes=1))
    assert used() == first
    long_ago = timezone.now() - timedelta(minutes=2)
    ApiKey.objects.update(last_used_at=long_ago)
    assert used() > long_ago  # type: ignore[operator]


def test_a_service_account_has_no_other_way_in(api: Transport, administrator: User) -> None:
    service = ServiceFactory()
    request = user_pb2.ChangePasswordRequest(user_id=str(service.pk), new_password="correct horse battery")
    with pytest.raises(Failed, match="CONFLICT"):
        api("UserService/ChangePassword", request, actor=administrator)
    assert outcome(api, "UserService/GetUser", ME, api.bearer(service)) == "UNAUTHENTICATED"


def test_key_is_deleted_with_its_user(api: Transport, ann: User) -> None:
    key = ApiKeyFactory(user=ann)
    bearer = bearer_of(key)
    assert outcome(api, "UserService/GetUser", ME, bearer) == "OK"
    api("UserService/DeleteUser", user_pb2.DeleteUserRequest(user_id=str(ann.pk)), actor=ann)
    assert outcome(api, "UserService/GetUser", ME, bearer) == "UNAUTHENTICATED"
    assert not ApiKey.objects.exists()


def test_a_new_password_ends_it(api: Transport, ann: User, administrator: User) -> None:
    bearer = bearer_of(ApiKeyFactory(user=ann))
    request = user_pb2.ChangePasswordRequest(user_id=str(ann.pk), new_password="correct horse battery")
    api("UserService/ChangePassword", request, actor=administrator)
    assert outcome(api, "UserService/GetUser", ME, bearer) == "UNAUTHENTICATED"
