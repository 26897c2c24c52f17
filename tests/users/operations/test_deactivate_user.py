import pytest

from changes.models import Change
from tandem.user.v1 import user_pb2
from tandem.user.v1.user_pb2 import DeactivateUserRequest, GetUserRequest
from tests.support.factories import UserFactory
from tests.support.transports import Failed, Transport
from users.models import Status, User

DEACTIVATE = "UserService/DeactivateUser"


def test_account_is_closed_with_its_reason(api: Transport, ann: User, administrator: User) -> None:
    request = DeactivateUserRequest(user_id=str(ann.pk), reason=" left the company ")
    answer = api.answer(DEACTIVATE, request, actor=administrator)
    assert answer.message.user.status == user_pb2.USER_STATUS_DEACTIVATED
    assert answer.version == 2
    change = Change.objects.filter(subject_id=ann.pk).latest("id")
    assert change.reason == "left the company"
    assert change.actor == str(administrator.pk)
    assert change.new["status"] == 3


def test_a_token_of_a_deactivated_user_is_worth_nothing(api: Transport, ann: User, administrator: User) -> None:
    api("UserService/GetUser", GetUserRequest(user_id="me"), actor=ann)
    api(DEACTIVATE, DeactivateUserRequest(user_id=str(ann.pk)), actor=administrator)
    with pytest.raises(Failed) as failed:
        api("UserService/GetUser", GetUserRequest(user_id="me"), actor=ann)
    assert failed.value.reason == "UNAUTHENTICATED"


def test_user_may_deactivate_the_own_account(api: Transport, ann: User) -> None:
    api(DEACTIVATE, DeactivateUserRequest(user_id="me"), actor=ann)
    ann.refresh_from_db()
    assert ann.status == Status.DEACTIVATED


def test_once_is_enough(api: Transport, ann: User, administrator: User) -> None:
    request = DeactivateUserRequest(user_id=str(ann.pk))
    first = api(DEACTIVATE, request, actor=administrator)
    assert api(DEACTIVATE, request, actor=administrator) == first


def test_colleagues_may_not(api: Transport, ann: User, bob: User, support: User) -> None:
    for actor in (bob, support):
        with pytest.raises(Failed) as failed:
            api(DEACTIVATE, DeactivateUserRequest(user_id=str(ann.pk)), actor=actor)
        assert failed.value.reason == "FORBIDDEN"


def test_a_ban_is_not_softened(api: Transport, administrator: User) -> None:
    banned = UserFactory(status=Status.BANNED)
    with pytest.raises(Failed) as failed:
        api(DEACTIVATE, DeactivateUserRequest(user_id=str(banned.pk)), actor=administrator)
    assert failed.value.reason == "CONFLICT"


def test_the_last_administrator_stays(api: Transport, administrator: User) -> None:
    with pytest.raises(Failed) as failed:
        api(DEACTIVATE, DeactivateUserRequest(user_id="me"), actor=administrator)
    assert failed.value.reason == "CONFLICT"


@pytest.mark.parametrize(("reason", "code"), [("x" * 1001, "max_length"), ("a\0b", "control_characters")])
def test_a_bad_reason_changes_nothing(api: Transport, ann: User, administrator: User, reason: str, code: str) -> None:
    with pytest.raises(Failed) as failed:
        api(DEACTIVATE, DeactivateUserRequest(user_id=str(ann.pk), reason=reason), actor=administrator)
    assert failed.value.fields == {"reason": code}
    ann.refresh_from_db()
    assert ann.status == Status.ACTIVE


def test_a_stale_version_changes_nothing(api: Transport, ann: User, administrator: User) -> None:
    with pytest.raises(Failed) as failed:
        api(DEACTIVATE, DeactivateUserRequest(user_id=str(ann.pk)), actor=administrator, if_match="7")
    assert failed.value.metadata == {"current_version": "1"}
