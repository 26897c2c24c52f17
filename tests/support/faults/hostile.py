"""A caller that takes all it can get of one pool, as a process of its own: `python -m tests.support.faults.hostile`."""

import http.client
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import grpc

from tandem.auth.v1.auth_pb2 import LoginRequest
from tandem.auth.v1.auth_pb2_grpc import AuthServiceStub
from tandem.task.v1.task_pb2 import GetTaskRequest, ListTasksRequest, TaskCommand, WatchTasksRequest
from tandem.task.v1.task_pb2_grpc import TaskServiceStub
from tandem.user.v1.user_pb2 import GetUserRequest
from tandem.user.v1.user_pb2_grpc import UserServiceStub

AT_ONCE = 24
STREAMS = 8
LINES = b"".join(json.dumps({"get": {"id": "none"}}).encode() + b"\n" for _ in range(200))


class Hostile:
    """A resource to exhaust, and the way to do it."""

    def __init__(self, http_url: str, grpc_address: str, bearer: str, email: str, password: str) -> None:
        self._place = urlsplit(http_url).netloc
        self._address = grpc_address
        self._bearer = bearer
        self._metadata = [("authorization", bearer), ("x-forwarded-for", "203.0.113.66")]
        self._login = LoginRequest(email=email, password=password)

    def channel(self) -> grpc.Channel:
        return grpc.insecure_channel(self._address, [("grpc.use_local_subchannel_pool", 1)])

    def http_calls(self) -> None:
        headers = {"Authorization": self._bearer, "X-Forwarded-For": "203.0.113.66"}
        connection = http.client.HTTPConnection(self._place)
        while True:
            connection.request("GET", "/api/v1/users/me", headers=headers)
            connection.getresponse().read()

    def grpc_calls(self) -> None:
        channel = self.channel()
        users, tasks = UserServiceStub(channel), TaskServiceStub(channel)
        while True:
            with suppress(grpc.RpcError):
                users.GetUser(GetUserRequest(user_id="me"), metadata=self._metadata)
                tasks.ListTasks(ListTasksRequest(), metadata=self._metadata)

    def http_streams(self) -> None:
        headers = {
            "Authorization": self._bearer, "X-Forwarded-For": "203.0.113.66", "Content-Type": "application/x-ndjson",
        }  # fmt: skip
        connection = http.client.HTTPConnection(self._place)
        while True:
            connection.request("POST", "/api/v1/tasks/commands", body=LINES, headers=headers)
            connection.getresponse().read()

    def grpc_streams(self) -> None:
        tasks = TaskServiceStub(self.channel())

        def commands() -> Iterator[TaskCommand]:
            for _ in range(1_000):
                yield TaskCommand(get=GetTaskRequest(id="none"))

        while True:
            with suppress(grpc.RpcError):
                for _ in tasks.ProcessTaskStream(commands(), metadata=self._metadata):
                    pass

    def hashes(self) -> None:
        access = AuthServiceStub(self.channel())
        while True:
            with suppress(grpc.RpcError):
                access.Login(self._login, metadata=self._metadata[1:])

    def half_open_calls(self) -> None:
        channel = self.channel()
        call = channel.stream_unary("/user.v1.UserService/GetUser")
        while True:
            with suppress(grpc.RpcError):
                call(self._nothing(), metadata=self._metadata)

    def watches(self) -> None:
        tasks = TaskServiceStub(self.channel())
        while True:
            with suppress(grpc.RpcError):
                next(tasks.WatchTasks(WatchTasksRequest(include_initial=True), metadata=self._metadata))

    def _nothing(self) -> Iterator[bytes]:
        threading.Event().wait()
        yield from ()


#: What is taken, by how many at once.
KINDS: dict[str, int] = {
    "http_calls": AT_ONCE, "grpc_calls": AT_ONCE, "http_streams": STREAMS, "grpc_streams": STREAMS, "hashes": AT_ONCE,
    "half_open_calls": 200, "watches": AT_ONCE,
}  # fmt: skip


def main(kind: str, *arguments: str) -> None:
    # The load's own cost must not be taken for that of the server.
    os.nice(10)
    take: Callable[[], None] = getattr(Hostile(*arguments), kind)
    threads = [threading.Thread(target=take, daemon=True) for _ in range(KINDS[kind])]
    for thread in threads:
        thread.start()
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
