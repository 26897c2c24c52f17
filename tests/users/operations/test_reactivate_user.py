import pytest

from tandem.user.v1.user_pb2 import ReactivateUserRequest
from tests.support.factories import UserFactory
from tests.support.transports import Failed, Transport
from users.models import Status, User

REACTIVATE = "UserService/ReactivateUser"


@pytest.mark.parametrize(("verified", "status"), [(True, Status.ACTIVE), (False, Status.PENDING_VERIFICATION)])
def test_account_is_active_again(api: Transport, administrator: User, verified: bool, status: int) -> None:
    user = UserFactory(status=Status.DEACTIVATED, email_verified=verified)
    answer = api(REACTIVATE, ReactivateUserRequest(user_id=str(user.pk)), actor=administrator)
    assert answer.user.status == status


def test_an_open_account_stays_as_it_is(api: Transport, ann: User, administrator: User) -> None:
    answer = api(REACTIVATE, ReactivateUserRequest(user_id=str(ann.pk)), actor=administrator)
    assert (answer.user.status, answer.user.audit.version) == (Status.ACTIVE, 1)


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.BANNED])
def test_a_ban_is_not_lifted(api: Transport, administrator: User, status: int) -> None:
    user = UserFactory(status=status)
    with pytest.raises(Failed) as failed:
        api(REACTIVATE, ReactivateUserRequest(user_id=str(user.pk)), actor=administrator)
    assert failed.value.reason == "CONFLICT"


def test_only_administrators_may(api: Transport, ann: User, support: User) -> None:
    closed = UserFactory(status=Status.DEACTIVATED)
    for user, actor in ((ann, ann), (closed, support)):
        with pytest.raises(Failed) as failed:
            api(REACTIVATE, ReactivateUserRequest(user_id=str(user.pk)), actor=actor)
        assert failed.value.reason == "FORBIDDEN"
