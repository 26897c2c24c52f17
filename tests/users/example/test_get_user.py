import pytest

from tandem.example.v1.example_pb2 import GetUserRequest
from tests.support.transports import Failed, Transport
from users.models import User

GET = "ExampleService/GetUser"


def test_user_is_found_by_number(api: Transport, ann: User, administrator: User) -> None:
    user = api(GET, GetUserRequest(user_id=ann.number), actor=administrator).user
    assert (user.id, user.name, user.email) == (ann.number, "Ann Other", "ann@example.com")
    assert user.created_at == int(ann.created_at.timestamp())


@pytest.mark.parametrize("number", [0, -1, 2_000_000_000])
def test_an_unknown_number_is_not_found(api: Transport, ann: User, number: int) -> None:
    with pytest.raises(Failed) as failed:
        api(GET, GetUserRequest(user_id=number), actor=ann)
    assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"User with ID {number} not found")


def test_a_colleague_sees_the_name_alone(api: Transport, ann: User, bob: User) -> None:
    user = api(GET, GetUserRequest(user_id=bob.number), actor=ann).user
    assert (user.name, user.email, user.created_at) == ("Bob Builder", "", 0)
