"""The product's own processes on real ports, for tests marked `real_server`."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import grpc
from django.db import connection
from grpc_health.v1 import health_pb2, health_pb2_grpc

from core.db.backend.base import server_of
from tests.support.fork_server import Process, start, start_whole
from tests.support.setting_overrides import as_variables

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60


@dataclass
class Servers:
    """Both transports, on the test database.

    Attributes:
        http_url: without a slash at the end.
        grpc_address: host and port.
        start: starts the web process (0) or the gRPC process (1).
        processes: both, in this order.
    """

    http_url: str
    grpc_address: str
    start: Callable[[int], Process]
    processes: list[Process] = field(default_factory=list)

    @contextmanager
    def web_stopped(self) -> Iterator[None]:
        """Stop the web process, and start it again on its port afterwards."""
        with self._stopped(1):
            yield

    @contextmanager
    def all_stopped(self) -> Iterator[None]:
        """Stop both processes, and start them again on their ports afterwards."""
        with self._stopped(2):
            yield
        until(lambda: answers_grpc(self.grpc_address), "the gRPC process answers again")

    @contextmanager
    def _stopped(self, count: int) -> Iterator[None]:
        stopped = self.processes[:count]
        for process in stopped:
            process.terminate()
        for process in stopped:
            process.wait(PATIENCE_SECONDS)
        try:
            yield
        finally:
            self.processes[:count] = [self.start(number) for number in range(count)]
            until(lambda: answers_http(f"{self.http_url}/health/ready"), "the web process answers again")


@contextmanager
def running(
    *,
    ready_path: str = "/health/ready",
    prefix: Sequence[str] = (),
    stderr: IO[bytes] | None = None,
    whole_start: bool = False,
    **environment: str,
) -> Iterator[Servers]:
    """Start both transports in development mode and wait until they answer; end them afterwards.

    Args:
        prefix: a command that runs the processes.
        stderr: where their logs go.
        whole_start: the test is about the start, so the program is loaded as an operator's command loads it.
        environment: variables and settings beside those of the tests; `DATABASE_URL` names the database.
    """
    http_port, grpc_port = free_port(), free_port()
    variables = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "tests.server_settings", "DEBUG": "true",
        "DEV_AUTH_AS": "admin@example.com", "LOG_LEVEL": "WARNING", **as_variables(environment),
    }  # fmt: skip
    commands = [["runweb", "--port", str(http_port)], ["rungrpc", "--port", str(grpc_port)]]

    def start_one(number: int) -> Process:
        if whole_start or prefix:
            return start_whole(commands[number], variables, prefix=prefix, stderr=stderr)
        return start(commands[number], variables, stderr=stderr)

    servers = Servers(f"http://127.0.0.1:{http_port}", f"127.0.0.1:{grpc_port}", start_one)
    try:
        for number in range(len(commands)):
            servers.processes.append(start_one(number))
        until(lambda: answers_http(f"{servers.http_url}{ready_path}"), "the web process answers")
        until(lambda: answers_grpc(servers.grpc_address), "the gRPC process answers")
        yield servers
    finally:
        for process in servers.processes:
            process.terminate()
        for process in servers.processes:
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(
    condition: Callable[[], object], what: str = "the condition holds", seconds: float = PATIENCE_SECONDS
) -> None:
    """Wait for a condition that another thread or process brings about."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s it is still not so that {what}")
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers_http(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def answers_grpc(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def connection_parameters() -> dict[str, Any]:
    """Return libpq's parameters of the database that the tests use."""
    server = server_of(connection.settings_dict)
    return {**connection.get_connection_params(), **{name.lower(): value for name, value in server.items()}}


def database_url() -> str:
    """Return the URL of the database that the tests use."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        (name,) = cursor.fetchone()
    of = connection_parameters()
    user = urllib.parse.quote(of.get("user") or "", safe="")
    password = f":{urllib.parse.quote(of['password'], safe='')}" if of.get("password") else ""
    host, port = str(of.get("host") or ""), f":{of['port']}" if of.get("port") else ""
    # A Unix socket's folder stands in the path.
    place = f"{port}/{host}" if host.startswith("/") else f"{host}{port}"
    return f"postgres://{user}{password}@{place}/{name}"
