import pytest

from tandem.example.v1.example_pb2 import ListUsersRequest
from tests.support.factories import UserFactory
from tests.support.transports import Transport
from users.models import User

LIST = "ExampleService/ListUsers"


@pytest.fixture
def twelve(db: None) -> list[int]:
    return [user.number for user in UserFactory.create_batch(12)]


@pytest.mark.parametrize(
    ("page", "size", "expected"),
    [(0, 0, slice(0, 10)), (-5, -5, slice(0, 10)), (2, 0, slice(10, 12)), (2, 5, slice(5, 10)), (1, 1000, slice(0, 12)),
     (9, 5, slice(0, 0)), (2_000_000_000, 100, slice(0, 0))],
)  # fmt: skip
def test_pages(api: Transport, administrator: User, twelve: list[int], page: int, size: int, expected: slice) -> None:
    response = api(LIST, ListUsersRequest(page=page, page_size=size), actor=administrator)
    assert [user.id for user in response.users] == twelve[expected]
    assert response.total_count == 12


def test_a_page_holds_a_hundred_at_most(api: Transport, administrator: User) -> None:
    UserFactory.create_batch(101)
    assert len(api(LIST, ListUsersRequest(page_size=101), actor=administrator).users) == 100


def test_accounts_without_a_number_are_not_listed(api: Transport, administrator: User, ann: User) -> None:
    assert [user.name for user in api(LIST, ListUsersRequest(), actor=administrator).users] == ["Ann Other"]
