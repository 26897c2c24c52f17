"""Changes to the credentials of an account need a session, or an API key with the scope `users:credentials`."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from access.models import ApiKey
from core.models import Job
from tandem.auth.v1 import auth_pb2
from tandem.user.v1 import user_pb2
from tests.jobs import mails, token_in
from tests.support.factories import AdministratorFactory, ApiKeyFactory, ServiceFactory, bearer_of
from tests.support.transports import Failed, Transport
from users.models import Role, Status, User
from users.policies import CREDENTIALS

LACKING = "This API key lacks the scope users:credentials."
UPDATE, CREATE, CREATE_KEY = "UserService/UpdateUser", "UserService/CreateUser", "AuthService/CreateApiKey"
WRITE = ["users:read", "users:write"]
PASSWORD = "correct horse battery"


def update(user: User, *paths: str, **fields: Any) -> user_pb2.UpdateUserRequest:
    mask = FieldMask(paths=paths) if paths else None
    return user_pb2.UpdateUserRequest(user_id=str(user.pk), user=user_pb2.User(**fields), update_mask=mask)


def assert_lacks_scope(api: Transport, operation: str, request: Message | list[Message], bearer: str) -> None:
    failed = api.failure(operation, request, authorization=bearer)
    assert (failed.reason, failed.message) == ("FORBIDDEN", LACKING)


@pytest.fixture(params=["own", "administrator's", "service account's"])
def bearer(request: pytest.FixtureRequest, ann: User) -> str:
    """A key with all scopes but `users:credentials`: of the user it is about, an administrator, a service account."""
    owner = {"own": lambda: ann, "administrator's": AdministratorFactory, "service account's": ServiceFactory}
    scopes = [scope for scope in settings.API_KEY_SCOPES if scope != CREDENTIALS]
    return bearer_of(ApiKeyFactory(user=owner[request.param](), scopes=scopes))


def test_a_key_that_writes_users_changes_no_way_in(api: Transport, ann: User, bearer: str) -> None:
    before = User.objects.filter(pk=ann.pk).values().get()
    target = str(ann.pk)
    for operation, request in (
        (UPDATE, update(ann, email="thief@example.com")),
        (UPDATE, update(ann, "first_name", "email", first_name="A", email="thief@example.com")),
        (UPDATE, update(ann, "roles", roles=[user_pb2.USER_ROLE_ADMIN])),
        (UPDATE, update(ann, "status", status=user_pb2.USER_STATUS_BANNED)),
        (UPDATE, update(ann, "*", email="thief@example.com", display_name="Ann", status=user_pb2.USER_STATUS_ACTIVE)),
        ("UserService/ChangePassword", user_pb2.ChangePasswordRequest(user_id=target, new_password=PASSWORD)),
        ("UserService/DeactivateUser", user_pb2.DeactivateUserRequest(user_id=target)),
        ("UserService/ReactivateUser", user_pb2.ReactivateUserRequest(user_id=target)),
        ("UserService/DeleteUser", user_pb2.DeleteUserRequest(user_id=target)),
        (CREATE, user_pb2.CreateUserRequest(email="new@example.com", password=PASSWORD)),
        (CREATE, user_pb2.CreateUserRequest(email="new@example.com", roles=[user_pb2.USER_ROLE_ADMIN])),
        (CREATE_KEY, auth_pb2.CreateApiKeyRequest(name="More", scopes=WRITE)),
        ("AuthService/RevokeSession", auth_pb2.RevokeSessionRequest(session_id="-")),
        ("AuthService/RevokeApiKey", auth_pb2.RevokeApiKeyRequest(id=target)),
        (
            "UserService/BulkImportUsers",
            [user_pb2.BulkImportUsersRequest(user=user_pb2.User(email="new@example.com", roles=[Role.ADMIN]))],
        ),
    ):
        assert_lacks_scope(api, operation, request, bearer)  # type: ignore[arg-type]
    assert User.objects.filter(pk=ann.pk).values().get() == before
    assert not User.objects.filter(email="new@example.com").exists()
    assert ApiKey.objects.count() == 1
    assert not Job.objects.exists()


def test_key_without_the_scope_may_write_the_profile(api: Transport, ann: User, bearer: str) -> None:
    fields = {"display_name": "Ann B.", "first_name": "Ann", "profile": {"company": "ACME"}}
    assert api(UPDATE, update(ann, **fields), authorization=bearer).user.first_name == "Ann"
    profile = user_pb2.UpdateUserProfileRequest(user_id=str(ann.pk), profile={"bio": "Hello."})
    assert api("UserService/UpdateUserProfile", profile, authorization=bearer).user.profile.bio == "Hello."


def test_unchanged_values_need_no_scope(api: Transport, ann: User, bearer: str) -> None:
    ann.refresh_from_db()
    whole = update(ann, email=ann.email, roles=ann.roles, status=ann.status, first_name="Anna")
    assert api(UPDATE, whole, authorization=bearer).user.first_name == "Anna"


def test_an_address_that_waits_is_not_withdrawn_by_a_key_without_the_scope(api: Transport, ann: User) -> None:
    bearer = bearer_of(ApiKeyFactory(user=ann, scopes=WRITE))
    api(UPDATE, update(ann, email="anna@example.com"), actor=ann)
    (mail,) = (mail for mail in mails() if mail.to == ["anna@example.com"])
    api(UPDATE, update(ann, "email", "first_name", email=ann.email, first_name="Ann"), authorization=bearer)
    api("UserService/ConfirmEmailVerification", user_pb2.ConfirmEmailVerificationRequest(token=token_in(mail)))
    assert User.objects.get(pk=ann.pk).email == "anna@example.com"


@pytest.mark.parametrize("fields", [{"password": PASSWORD}, {"roles": [user_pb2.USER_ROLE_SUPPORT]}])
def test_a_kept_answer_needs_the_scope_of_the_write(
    api: Transport, administrator: User, fields: dict[str, Any]
) -> None:
    request = user_pb2.CreateUserRequest(email="new@example.com", **fields)
    first = api.answer(CREATE, request, actor=administrator, idempotency_key="k").message
    with pytest.raises(Failed) as failed:
        api(CREATE, request, authorization=bearer_of(ApiKeyFactory(user=administrator, scopes=WRITE)),
            idempotency_key="k")  # fmt: skip
    assert (failed.value.reason, failed.value.message) == ("FORBIDDEN", LACKING)
    assert api.answer(CREATE, request, actor=administrator, idempotency_key="k").message == first


def test_a_key_with_the_scope_does_it(api: Transport, ann: User) -> None:
    bearer = bearer_of(ApiKeyFactory(user=ServiceFactory(), scopes=[*WRITE, CREDENTIALS]))
    target = str(ann.pk)
    changed = update(ann, "email", "roles", email="anna@example.com", roles=[user_pb2.USER_ROLE_SUPPORT])
    user = api(UPDATE, changed, authorization=bearer).user
    assert user.email == "anna@example.com"
    assert not user.email_verified
    assert list(user.roles) == [Role.SUPPORT]
    api("UserService/ChangePassword", user_pb2.ChangePasswordRequest(user_id=target, new_password=PASSWORD),
        authorization=bearer)  # fmt: skip
    assert api("AuthService/Login", auth_pb2.LoginRequest(email="anna@example.com", password=PASSWORD)).access_token
    closed = api("UserService/DeactivateUser", user_pb2.DeactivateUserRequest(user_id=target), authorization=bearer)
    assert closed.user.status == Status.DEACTIVATED
    api("UserService/DeleteUser", user_pb2.DeleteUserRequest(user_id=target), authorization=bearer)
    assert not User.objects.filter(pk=ann.pk).exists()


def test_the_scope_alone_changes_no_profile(api: Transport, ann: User) -> None:
    bearer = bearer_of(ApiKeyFactory(user=ServiceFactory(), scopes=[CREDENTIALS]))
    roles = update(ann, "roles", roles=[user_pb2.USER_ROLE_SUPPORT])
    assert list(api(UPDATE, roles, authorization=bearer).user.roles) == [Role.SUPPORT]
    with pytest.raises(Failed) as failed:
        api(UPDATE, update(ann, "roles", "first_name", first_name="A"), authorization=bearer)
    assert failed.value.message == "This API key lacks the scope users:write."
    with pytest.raises(Failed) as failed:
        api("UserService/GetUser", user_pb2.GetUserRequest(user_id=str(ann.pk)), authorization=bearer)
    assert failed.value.message == "This API key lacks the scope users:read."


def make(api: Transport, *, of: User | None = None, **who: Any) -> auth_pb2.CreateApiKeyResponse:
    fields = {"name": "Mine", "scopes": [CREDENTIALS], **who.pop("fields", {})}
    request = auth_pb2.CreateApiKeyRequest(user_id=str(of.pk) if of else "", **fields)
    answer: auth_pb2.CreateApiKeyResponse = api(CREATE_KEY, request, **who)
    return answer


def test_administrators_give_it_to_service_accounts(
    api: Transport, administrator: User, ann: User, support: User
) -> None:
    service = ServiceFactory()
    assert list(make(api, of=service, actor=administrator).api_key.scopes) == [CREDENTIALS]
    for owner, actor in ((None, administrator), (None, ann), (None, support), (service, ann), (ann, administrator)):
        with pytest.raises(Failed, match="FORBIDDEN"):
            make(api, of=owner, actor=actor)
    assert ApiKey.objects.count() == 1


def test_a_key_makes_no_wider_key(api: Transport) -> None:
    soon, later = timezone.now() + timedelta(days=1), timezone.now() + timedelta(days=2)
    service, other = ServiceFactory(), ServiceFactory()
    bearer = bearer_of(ApiKeyFactory(user=service, scopes=["users:read", CREDENTIALS], expires_at=soon))
    for of in (None, service, other):
        for fields in (
            {"scopes": [CREDENTIALS], "expires_at": stamp(soon)},
            {"scopes": ["users:read", "users:write"], "expires_at": stamp(soon)},
            {"scopes": ["users:read"], "expires_at": stamp(later)},
            {"scopes": ["users:read"]},
        ):
            with pytest.raises(Failed, match="FORBIDDEN"):
                make(api, of=of, authorization=bearer, fields=fields)
        made = make(api, of=of, authorization=bearer, fields={"scopes": ["users:read"], "expires_at": stamp(soon)})
        assert list(made.api_key.scopes) == ["users:read"]


def stamp(moment: Any) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message
