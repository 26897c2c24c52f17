"""Both servers, started once for the tests of a module with equal settings. The module imports these three fixtures.

Such tests run in no transaction, and find the rows of the earlier ones.
"""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from tests.support.servers import Servers, database_url, running


@pytest.fixture(scope="module")
def shared_servers(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any) -> Iterator[Servers]:
    """In development, with the demo data. A test that needs other settings passes them as the fixture's parameter."""
    with django_db_blocker.unblock():
        load_demo()
        try:
            with running(DATABASE_URL=database_url(), **getattr(request, "param", {})) as servers:
                yield servers
        finally:
            call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def servers(shared_servers: Servers, db: None) -> Servers:
    return shared_servers


@pytest.fixture
def db() -> None:
    """No transaction. pytest-django makes a database only for tests with a fixture of this name."""


def load_demo() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE users_user, changes_change RESTART IDENTITY CASCADE")
    call_command("demo", stdout=StringIO())
