"""A server for all tests of the client, which reach it as another service would: by the client alone."""

import signal
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from tandem.client import Client
from tests.support.async_client import BlockingAsyncClient
from tests.support.client_server import Server
from tests.support.proxy import Proxy
from tests.support.servers import database_url


@pytest.fixture(scope="package")
def server(django_db_setup: None, django_db_blocker: Any) -> Iterator[Server]:
    with django_db_blocker.unblock():
        call_command("demo", stdout=StringIO())
        server = Server(database_url())
        server.start()
        try:
            yield server
        finally:
            server.end(signal.SIGTERM)
            call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(scope="module")
def web(server: Server) -> Iterator[Server]:
    """The web process beside that server."""
    web = Server(database_url(), "runweb")
    web.start()
    yield web
    web.end(signal.SIGTERM)


NewClient = Callable[..., Client]


@pytest.fixture(params=[Client, BlockingAsyncClient], ids=["blocking", "asyncio"])
def new_client(request: pytest.FixtureRequest) -> NewClient:
    """Makes a client, of both kinds in turn."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def client(server: Server, new_client: NewClient) -> Iterator[Client]:
    """The demo administrator."""
    with new_client(server.address) as client:
        yield client


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    proxy = Proxy(server.address)
    yield proxy
    proxy.close()
