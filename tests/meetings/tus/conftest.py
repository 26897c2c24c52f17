"""Servers for uploads over real connections, shared by the tests of a module; each begins without uploads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meetings.models import Meeting, Upload
from tests.support.factories import UserFactory
from tests.support.recordings import stored
from tests.support.servers import Servers, database_url, running
from tests.support.stored_files import keep_files_in
from users.models import User


@pytest.fixture
def owner(emptied_database: None, db: None) -> Iterator[User]:
    user: User = UserFactory()
    yield user
    Meeting.objects.all().delete()
    Upload.objects.all().delete()


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def shared_serving(emptied_database: None, shared_folder: Path) -> Iterator[Servers]:
    with running(DATABASE_URL=database_url(), TANDEM_DATA_DIR=str(shared_folder), DEV_AUTH_AS="") as servers:
        yield servers


@pytest.fixture
def serving(shared_serving: Servers, shared_folder: Path, owner: User, settings: Any) -> Iterator[Servers]:
    keep_files_in(shared_folder, settings)
    yield shared_serving
    for path in stored():
        path.unlink(missing_ok=True)
