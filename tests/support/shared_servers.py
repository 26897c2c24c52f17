"""Both servers, started once for the tests of a module with equal settings. The module imports the fixtures it needs.

Such tests run in no transaction, and find the rows of the earlier ones.
"""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from tests.support.servers import Servers, database_url, running
from users.models import User


@pytest.fixture(scope="module")
def emptied_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The database without transactions. It is empty again after the module."""
    with django_db_blocker.unblock():
        try:
            yield
        finally:
            call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(scope="module")
def shared_servers(request: pytest.FixtureRequest, emptied_database: None) -> Iterator[Servers]:
    """In development, with the demo data. A test that needs other settings passes them as the fixture's parameter."""
    load_demo()
    with running(DATABASE_URL=database_url(), **getattr(request, "param", {})) as servers:
        yield servers


@pytest.fixture
def servers(shared_servers: Servers, db: None) -> Servers:
    return shared_servers


@pytest.fixture
def own_servers(request: pytest.FixtureRequest, emptied_database: None, db: None) -> Iterator[Servers]:
    """Servers for one test, which it may stop; beside the shared ones, with the same rows."""
    if not User.objects.filter(email="admin@example.com").exists():
        load_demo()
    with running(DATABASE_URL=database_url(), **getattr(request, "param", {})) as servers:
        yield servers


@pytest.fixture
def db() -> None:
    """No transaction. pytest-django makes a database only for tests with a fixture of this name."""


def load_demo() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE users_user, changes_change RESTART IDENTITY CASCADE")
    call_command("demo", stdout=StringIO())
