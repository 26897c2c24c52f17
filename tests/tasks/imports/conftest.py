"""Users of the tests of imports."""

import pytest

from tests.support.factories import AdministratorFactory, UserFactory
from users.models import User


@pytest.fixture(autouse=True)
def root(transactional_db: None) -> User:
    return AdministratorFactory(email="root@example.com", timezone="Europe/Berlin")


@pytest.fixture
def ada(root: User) -> User:
    return UserFactory(email="ada@example.com")


@pytest.fixture
def grace(root: User) -> User:
    return UserFactory(email="grace@example.com")
