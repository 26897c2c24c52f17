"""Behaviour of the blocking client alone: futures, the calls of grpcio, and a thread for each watch."""

import gc
import threading
import weakref
from collections.abc import Iterator

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from tandem.client import Client, NotFound, SnapshotEnd
from tandem.task.v1.task_pb2 import WatchTasksRequest
from tandem.user.v1.user_pb2 import GetUserRequest
from tests.support.client_server import Server
from tests.support.servers import until

pytestmark = [pytest.mark.real_server, pytest.mark.django_db]

UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.address) as client:
        yield client


def test_a_future_has_the_answer_or_the_typed_error(client: Client) -> None:
    assert client.users.HealthCheck.future(Empty()).result().status
    assert isinstance(client.users.GetUser.future(GetUserRequest(user_id=UNKNOWN)).exception(), NotFound)


def test_stream_has_the_attributes_of_its_call(client: Client) -> None:
    stream = client.tasks.WatchTasks(WatchTasksRequest(include_initial=True))
    next(stream)
    stream.cancel()
    assert stream.code() is grpc.StatusCode.CANCELLED


def test_unreferenced_watch_leaves_nothing(client: Client) -> None:
    watch = client.watch_tasks(include_initial=True)
    assert any(isinstance(event, SnapshotEnd) for event in watch)
    threads = threading.active_count()
    gone = weakref.ref(watch)
    del watch
    gc.collect()
    assert gone() is None
    until(lambda: threading.active_count() < threads, "its thread has ended")
