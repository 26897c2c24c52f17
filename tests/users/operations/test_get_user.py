from typing import Any

import pytest

from tandem.user.v1.user_pb2 import GetUserRequest
from tandem.user.v1.user_pb2 import User as UserMessage
from tests.support.factories import UserFactory
from tests.support.transports import Failed, Transport
from users.models import Status, User

NOBODY = "0198a3c0-0000-7000-8000-00000000dead"

GET = "UserService/GetUser"


def test_caller_gets_all_own_fields(api: Transport, ann: User) -> None:
    answer = api.answer(GET, GetUserRequest(user_id=str(ann.pk)), actor=ann)
    user = answer.message.user
    assert user.id == str(ann.pk)
    assert user.email == "ann@example.com"
    assert user.audit.version == answer.version
    assert user.audit.created_at.ToDatetime().timestamp() == pytest.approx(
        ann.created_at.replace(tzinfo=None).timestamp(), abs=1e-6
    )


def test_me_is_the_caller(api: Transport, ann: User) -> None:
    assert api(GET, GetUserRequest(user_id="me"), actor=ann).user.id == str(ann.pk)


def test_colleague_sees_only_public_fields(api: Transport, ann: User, bob: User) -> None:
    answer = api.answer(GET, GetUserRequest(user_id=str(bob.pk)), actor=ann)
    assert answer.message.user == UserMessage(
        id=str(bob.pk), display_name="Bob Builder", first_name="Bob", last_name="Builder", status=Status.ACTIVE
    )
    assert answer.version is None


def test_support_and_administrators_see_everything(
    api: Transport, ann: User, support: User, administrator: User
) -> None:
    for actor in (support, administrator):
        assert api(GET, GetUserRequest(user_id=str(ann.pk)), actor=actor).user.email == "ann@example.com"


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.SUSPENDED, Status.BANNED])
def test_closed_account_is_visible_to_administrators_only(
    api: Transport, ann: User, administrator: User, status: int
) -> None:
    closed = UserFactory(status=status)
    request = GetUserRequest(user_id=str(closed.pk))
    with pytest.raises(Failed) as failed:
        api(GET, request, actor=ann)
    assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"User not found: {closed.pk}")
    assert api(GET, request, actor=administrator).user.status == status


@pytest.mark.parametrize("user_id", [NOBODY, "nonsense", "1", "%", "a\0b", "{}", "é", "x" * 300])
def test_an_id_that_is_unknown_or_malformed_is_not_found(api: Transport, ann: User, user_id: str) -> None:
    with pytest.raises(Failed) as failed:
        api(GET, GetUserRequest(user_id=user_id), actor=ann)
    assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"User not found: {user_id}")


def test_credential_is_required(api: Transport, ann: User) -> None:
    with pytest.raises(Failed) as failed:
        api(GET, GetUserRequest(user_id=str(ann.pk)))
    assert failed.value.reason == "UNAUTHENTICATED"


def test_the_callers_request_id_comes_back(api: Transport, ann: User) -> None:
    request = GetUserRequest(user_id="me")
    assert api.answer(GET, request, actor=ann, request_id="abc-123").request_id == "abc-123"
    assert api.answer(GET, request, actor=ann, request_id="no good").request_id != "no good"


def test_user_is_read_in_one_query(api: Transport, ann: User, bob: User, django_assert_num_queries: object) -> None:
    request = GetUserRequest(user_id=str(bob.pk))
    api(GET, request, actor=ann)  # The caller's credential is believed from here on.
    with django_assert_num_queries(1):  # type: ignore[operator]
        api(GET, request, actor=ann)


def test_whole_user_is_read_in_one_query(api: Transport, administrator: User, django_assert_num_queries: Any) -> None:
    request = GetUserRequest(user_id=str(UserFactory(phone="+14155551234", created_by=administrator).pk))
    api(GET, request, actor=administrator)
    with django_assert_num_queries(1):
        assert api(GET, request, actor=administrator).user.phone.e164 == "+14155551234"
