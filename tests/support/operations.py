"""A server on a real port, in the test's own process, whose operations do what a test wants of them."""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from core.operations import Call, operation, operations
from core.preconditions import ANY_VERSION
from core.rpc.server import Options, Server
from core.rpc.servicers import Service, servicer
from tandem.example.v1.example_pb2 import (
    DESCRIPTOR,
    CreateUserRequest,
    CreateUserResponse,
    GetUserRequest,
    GetUserResponse,
    ListUsersRequest,
    ListUsersResponse,
    User,
)
from tandem.example.v1.example_pb2_grpc import (
    ExampleServiceServicer,
    ExampleServiceStub,
    add_ExampleServiceServicer_to_server,
)

PATIENCE = 10


class Scene:
    """What the operations of `example.ExampleService` do here.

    `GetUser` waits until the test sets `release`, and says in `begun` that it does. `CreateUser` raises `failure`, if
    there is one. `ListUsers` calls `step`, if there is one, and answers.

    Attributes:
        calls: every call that an operation was given.
        expected_version: of the last call of `CreateUser`.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.expected_version = ANY_VERSION
        self.begun: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.release = threading.Event()
        self.failure: Exception | None = None
        self.step: Callable[[], None] = lambda: None

    def service(self, *rpcs: str) -> Service:
        """The service, with these of its rpcs; without names, with all of them."""

        @operation(public=True)
        def get_user(call: Call, request: GetUserRequest) -> GetUserResponse:
            self.calls.append(call)
            self.begun.put(request.user_id)
            assert self.release.wait(PATIENCE)
            return GetUserResponse(user=User(id=request.user_id))

        @operation(public=True)
        def create_user(call: Call, request: CreateUserRequest) -> CreateUserResponse:
            self.calls.append(call)
            self.expected_version = call.expected_version
            if self.failure is not None:
                raise self.failure
            return CreateUserResponse(user=User(id=len(self.calls), name=request.name))

        @operation(public=True, works_without_database=True)
        def list_users(call: Call, request: ListUsersRequest) -> ListUsersResponse:
            self.calls.append(call)
            self.step()
            return ListUsersResponse(total_count=7)

        performed = SimpleNamespace(__name__="scene", get_user=get_user, create_user=create_user, list_users=list_users)
        bound = operations(DESCRIPTOR.services_by_name["ExampleService"], cast(ModuleType, performed))
        served = [operation for operation in bound if not rpcs or operation.rpc in rpcs]
        return Service(
            "example.ExampleService", add_ExampleServiceServicer_to_server, servicer(ExampleServiceServicer, served)
        )


class Served:
    """A running server and a channel to it."""

    def __init__(self, server: Server, channel: grpc.Channel) -> None:
        self.server = server
        self.channel = channel
        self.example = ExampleServiceStub(channel)

    def half_open(self, path: str) -> grpc.Future:
        """A unary call whose message never comes: its iterator waits until the call is over."""
        over = threading.Event()

        def nothing() -> Iterator[bytes]:
            over.wait(PATIENCE)
            yield from ()

        call = self.channel.stream_unary(path).future(nothing())
        call.add_done_callback(lambda _: over.set())
        return call


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.release.set()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Starts a server of these services on a free port."""
    running: list[Served] = []

    def start(*services: Service, workers: int = 2, reflection: bool = False) -> Served:
        options = Options(
            host="127.0.0.1", port=0, workers=workers, grace=1, drain_wait=0, metrics_port=0, reflection=reflection
        )
        server = Server(services, options)
        server.start()
        served = Served(server, grpc.insecure_channel(f"127.0.0.1:{server.port}"))
        running.append(served)
        return served

    yield start
    for served in running:
        served.channel.close()
        served.server.stop(0).wait(PATIENCE)
        served.server.close()


def failure_of(call: Callable[..., Any], *args: Any, **kwargs: Any) -> "Told":
    """What a call that must fail is told."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, timeout=PATIENCE, **kwargs)
    return Told(caught.value)


class Told:
    """A failed call, as its client sees it."""

    def __init__(self, error: Any) -> None:
        self.code: grpc.StatusCode = error.code()
        self.message: str = error.details()
        self.trailing: Mapping[str, Any] = dict(error.trailing_metadata())
        self.details: list[Any] = []
        if raw := self.trailing.get("grpc-status-details-bin"):
            status = status_pb2.Status.FromString(raw)
            assert (status.code, status.message) == (self.code.value[0], self.message)
            for packed in status.details:
                kind = getattr(error_details_pb2, packed.TypeName().rpartition(".")[2])
                self.details.append(kind.FromString(packed.value))

    def only(self, kind: Any) -> Any:
        """The one detail of this kind."""
        (found,) = [detail for detail in self.details if isinstance(detail, kind)]
        return found
