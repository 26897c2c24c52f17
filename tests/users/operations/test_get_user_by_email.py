import pytest

from tandem.user.v1.user_pb2 import GetUserByEmailRequest
from tests.support.transports import Failed, Transport
from users.models import User

GET = "UserService/GetUserByEmail"


@pytest.mark.parametrize("email", ["ann@example.com", "ANN@Example.com", " ann@example.com "])
def test_case_does_not_matter(api: Transport, ann: User, administrator: User, email: str) -> None:
    assert api(GET, GetUserByEmailRequest(email=email), actor=administrator).user.id == str(ann.pk)


def test_user_finds_the_own_account(api: Transport, ann: User) -> None:
    assert api(GET, GetUserByEmailRequest(email="ann@example.com"), actor=ann).user.email == "ann@example.com"


@pytest.mark.parametrize("email", ["bob@example.com", "nobody@example.com", "", "a\0b", "x" * 300])
def test_caller_without_the_right_learns_nothing_of_addresses(api: Transport, ann: User, bob: User, email: str) -> None:
    with pytest.raises(Failed) as failed:
        api(GET, GetUserByEmailRequest(email=email), actor=ann)
    assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"User not found: {email}")
