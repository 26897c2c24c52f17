"""Servers for uploads over real connections."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.factories import UserFactory
from tests.support.servers import Servers, database_url, running
from users.models import User


@pytest.fixture
def owner(transactional_db: None) -> User:
    user: User = UserFactory()
    return user


@pytest.fixture
def serving(owner: User, folder: Path) -> Iterator[Servers]:
    with running(DATABASE_URL=database_url(), TANDEM_DATA_DIR=str(folder), DEV_AUTH_AS="") as servers:
        yield servers
