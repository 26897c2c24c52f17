"""Fixtures that every test may use."""

import gc
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.db import connection
from django.test import Client

from changes import feed
from core.errors import Unavailable
from core.streams import STREAMS, RequestStream, Stream
from tests.support.credentials import forget_credentials
from tests.support.databases import server_cursor
from tests.support.factories import AdministratorFactory, SupportFactory, UserFactory
from tests.support.framing import FRAMINGS, MIXED, framing_of
from tests.support.grpc_transport import GrpcTransport
from tests.support.rest_transport import RestTransport
from tests.support.servers import Servers, database_url, running, until
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import load_demo
from tests.support.shared_servers import own_servers as own_servers
from tests.support.shared_servers import shared_servers as shared_servers
from tests.support.template_database import migrated_database
from tests.support.tools import pytest_runtest_setup as pytest_runtest_setup
from tests.support.tools import pytest_terminal_summary as pytest_terminal_summary
from tests.support.transports import Transport
from tests.support.web_transport import WebTransport
from users.models import User

# What is run in the background ignores SIGINT, and under nohup SIGHUP, and so would what it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
# Until all tests are collected: no module and no test of them is garbage.
gc.disable()


TRANSPORTS: dict[str, type[Transport]] = {"rest": RestTransport, "grpc": GrpcTransport, "web": WebTransport}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--transports",
        default="rest,grpc",
        help="the transports that each test of operations runs over: some of rest, grpc and web (%(default)s)",
    )
    parser.addoption(
        "--rest-framing",
        choices=(*FRAMINGS, MIXED),
        help="send the calls over REST as bytes: in chunks, over HTTP/1.0, or each test in one of these ways",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run three processes for two cores: tests that wait for a server leave a third of the time unused."""
    cores = psutil.cpu_count() or 1
    return cores + cores // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files with servers first.

    Those files take minutes with few tests in them. At the end, one process would run the last of them alone.
    """
    with_servers = {item.path for item in items if item.get_closest_marker("real_server")}
    items.sort(key=lambda item: item.path not in with_servers)


def pytest_collection_finish() -> None:
    """Collect garbage from here on, but do not visit the modules and the tests each time: they stay."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_blocker: Any) -> None:
    """Give this run a database of its own, so that runs do not meet, and drop those of runs that were killed.

    It is a copy of a migrated one, which takes a hundredth of the time of all migrations. `TEST_DATABASE_TEMPLATE`
    names another one to copy (scripts/mutation.py).
    """
    with django_db_blocker.unblock():
        with server_cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE datname ~ '^test_tandem_[0-9]+$'")
            for (name,) in cursor.fetchall():
                if not psutil.pid_exists(int(name.rpartition("_")[2])):
                    cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        template = os.environ.get("TEST_DATABASE_TEMPLATE") or migrated_database()
    connection.settings_dict["TEST"] |= {"NAME": f"test_tandem_{os.getpid()}", "TEMPLATE": template}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test of operations once with each of the chosen transports."""
    names = metafunc.config.getoption("--transports").split(",")
    for fixture in ("api", "committing_api"):
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, [TRANSPORTS[name] for name in names], ids=names, indirect=True)


@pytest.fixture
def api(request: pytest.FixtureRequest, db: None) -> Transport:
    """A transport; the test runs once with each."""
    return request.param()


@pytest.fixture
def committing_api(request: pytest.FixtureRequest, transactional_db: None) -> Transport:
    """A transport whose writes are committed, for tests with several connections."""
    return request.param()


@pytest.fixture
def watching(committing_api: Transport) -> Iterator[Transport]:
    """A transport whose writes are committed and can be watched: the feed runs in this process."""
    feed.start()
    until(lambda: feed.live.known_head is not None, "the feed has begun to read")
    yield committing_api
    STREAMS.end_all(Unavailable("The test is over."))
    until(lambda: not len(STREAMS), "all streams have ended")
    if isinstance(committing_api, GrpcTransport):
        committing_api.feed_pools.end(within=5)  # And with the threads their connections.
    feed.stop()


@pytest.fixture(autouse=True)
def _framing(request: pytest.FixtureRequest) -> None:
    RestTransport.framing = framing_of(request.config.getoption("--rest-framing"), request.node.nodeid)


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> Iterator[None]:
    """Forget the state of the process after each test: callers, the head of the log, the end of its streams."""
    yield
    forget_credentials()
    feed.live.known_head = None
    STREAMS.accept()


@pytest.fixture(autouse=True)
def _streams_in_transactions_are_not_checked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that checks credentials sees no users that a test has only in its open transaction."""
    committed = {"transactional_db", "committing_api"} & set(request.fixturenames)
    marker = request.node.get_closest_marker("django_db")
    if not committed and not (marker and marker.kwargs.get("transaction")):
        for kind in (Stream, RequestStream):
            monkeypatch.setattr(kind, "look", lambda self, credential, now: None)


@pytest.fixture
def ann(db: Any) -> User:
    return UserFactory(email="ann@example.com", display_name="Ann Other", first_name="Ann", last_name="Other")


@pytest.fixture
def bob(db: Any) -> User:
    return UserFactory(email="bob@example.com", display_name="Bob Builder", first_name="Bob", last_name="Builder")


@pytest.fixture
def administrator(db: Any) -> User:
    return AdministratorFactory(email="root@example.com")


@pytest.fixture
def site(client: Client, administrator: User) -> Client:
    """The admin site, signed in to as an administrator who may do everything there."""
    User.objects.filter(pk=administrator.pk).update(is_superuser=True)
    client.force_login(administrator)
    client.defaults["HTTP_HOST"] = "localhost"
    return client


@pytest.fixture
def support(db: Any) -> User:
    return SupportFactory(email="help@example.com")


@pytest.fixture
def servers(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[Servers]:
    """Both transports on real ports, in development, with the demo data and nothing else in the database.

    A test passes other settings as the parameter of the fixture: variables, and settings without a variable.
    """
    load_demo()
    with running(DATABASE_URL=database_url(), **getattr(request, "param", {})) as servers:
        yield servers


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A new folder for an embedded server. Not `tmp_path`: each run of pytest closes its parent to other accounts."""
    with tempfile.TemporaryDirectory(prefix="tandem-test-") as folder:
        yield Path(folder).resolve()
