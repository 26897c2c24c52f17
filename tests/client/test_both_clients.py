"""The blocking and the asyncio client offer the same names, and a list's pages."""

import inspect
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty

from tandem.client import AsyncClient, AsyncWatch, Client, Watch
from tandem.common.v1.common_pb2 import PaginationRequest
from tandem.task.v1.task_pb2 import CreateTaskRequest, ListTasksRequest, WatchTasksRequest
from tandem.user.v1.user_pb2 import ListUsersRequest
from tests.client.conftest import NewClient
from tests.support.async_client import BlockingAsyncClient
from tests.support.client_server import Server

SPECIAL = {"__enter__": "__aenter__", "__exit__": "__aexit__", "__iter__": "__aiter__", "__next__": "__anext__"}


@pytest.mark.parametrize(("blocking", "asynchronous"), [(Client, AsyncClient), (Watch, AsyncWatch)])
def test_signatures_are_equal(blocking: type, asynchronous: type) -> None:
    renamed = {SPECIAL.get(name, name): parameters for name, parameters in signatures(blocking).items()}
    found = signatures(asynchronous)
    if blocking is Watch:
        # Users make watches by the methods of a client.
        del renamed["__init__"], found["__init__"]
    assert found == renamed


def signatures(kind: type) -> dict[str, list[tuple[str, Any, Any]]]:
    """Return the names, defaults and kinds of the parameters of each public method."""
    return {
        name: [(one.name, one.default, one.kind) for one in inspect.signature(member).parameters.values()]
        for name, member in vars(kind).items()
        if inspect.isfunction(member) and (name.startswith("__") or not name.startswith("_"))
    }


@pytest.mark.real_server
@pytest.mark.django_db
def test_pages_of_a_list(client: Client) -> None:
    label = secrets.token_hex(4)
    made = {client.tasks.CreateTask(CreateTaskRequest(title=f"Task {n}", labels=[label])).id for n in range(5)}
    request = ListTasksRequest(labels=[label], page_size=2)
    pages = [[task.id for task in page.tasks] for page in client.pages(client.tasks.ListTasks, request)]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert {task_id for page in pages for task_id in page} == made
    assert request == ListTasksRequest(labels=[label], page_size=2), "the request of the caller is not changed"


@pytest.mark.real_server
@pytest.mark.django_db
def test_pages_with_a_message_for_the_pagination(client: Client) -> None:
    request = ListUsersRequest(pagination=PaginationRequest(page_size=1))
    ids = [user.id for page in client.pages(client.users.ListUsers, request) for user in page.users]
    total = client.users.ListUsers(ListUsersRequest()).pagination.total_count
    assert (len(ids), len(set(ids))) == (total, total) != (1, 1)


@pytest.mark.real_server
@pytest.mark.django_db
def test_answer_without_pages_is_refused(client: Client) -> None:
    with pytest.raises(TypeError, match="is not a page"):
        list(client.pages(client.users.HealthCheck, Empty()))


@pytest.mark.real_server
@pytest.mark.django_db
def test_errors_are_equal(server: Server) -> None:
    def failure(new_client: NewClient, call: Callable[[Client], Any]) -> tuple[Any, ...]:
        with new_client(server.address) as client, pytest.raises(Exception) as caught:
            call(client)
        error: Any = caught.value
        return type(error), str(error), error.code, error.reason, error.fields, error.retry_after, error.from_server

    for call in (
        lambda client: client.tasks.CreateTask(CreateTaskRequest()),
        lambda client: client.tasks.ListTasks(ListTasksRequest(page_token="made up")),
        lambda client: next(client.tasks.WatchTasks(WatchTasksRequest(cursor="made up"))),
    ):
        assert failure(Client, call) == failure(BlockingAsyncClient, call)
