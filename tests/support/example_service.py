"""A server on a real port, in the process of the test, with handlers that the test controls."""

import queue
import threading
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import cast

import grpc
from prometheus_client import REGISTRY

from core.operations import Call, operation, operations
from core.preconditions import ANY_VERSION
from core.rpc.server import Server
from core.rpc.servicers import Service, service_of
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
from tandem.example.v1.example_pb2_grpc import ExampleServiceStub

PATIENCE = 10
GET_USER = "/example.ExampleService/GetUser"
CREATE_USER = "/example.ExampleService/CreateUser"
LIST_USERS = "/example.ExampleService/ListUsers"


class ExampleHandlers:
    """Handlers of `example.ExampleService`.

    `GetUser` puts the requested id into `begun` and waits until the test sets `release`. `CreateUser` raises `failure`,
    if set. `ListUsers` calls `step` before it answers.

    Attributes:
        calls: every call that a handler received.
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
        """Return the service with the named rpcs, or with all of them."""

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

        handlers = SimpleNamespace(
            __name__="example_handlers", get_user=get_user, create_user=create_user, list_users=list_users
        )
        bound = operations(DESCRIPTOR.services_by_name["ExampleService"], cast(ModuleType, handlers))
        served = [operation for operation in bound if not rpcs or operation.rpc in rpcs]
        return service_of(served)


class Served:
    """A running server and a channel to it."""

    def __init__(self, server: Server, channel: grpc.Channel) -> None:
        self.server = server
        self.channel = channel
        self.example = ExampleServiceStub(channel)

    def half_open(self, path: str) -> grpc.Future:
        """Begin a unary call whose message never arrives: its iterator waits until the call ends."""
        over = threading.Event()

        def nothing() -> Iterator[bytes]:
            over.wait(PATIENCE)
            yield from ()

        call = self.channel.stream_unary(path).future(nothing())
        call.add_done_callback(lambda _: over.set())
        return call


Serve = Callable[..., Served]


def handled(method: str, code: str, kind: str = "unary") -> float:
    """Return how many calls of a method ended with a status code."""
    service, _, name = method.removeprefix("/").rpartition("/")
    labels = {"grpc_type": kind, "grpc_service": service, "grpc_method": name, "grpc_code": code}
    return REGISTRY.get_sample_value("grpc_server_handled_total", labels) or 0
