"""GetUser beside idle connections, and by several processes, for `bench.growth`."""

import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc
import psutil

from bench import load, product, seed
from bench.cases import SERVICE
from bench.load import AT_ONCE
from bench.measuring import Load, Window, memory, watch
from bench.product import Server
from bench.receiving import Receiver

GRPC_PORT, METRICS_PORT, HTTP_PORT = 50186, 8186, 8187
WORKERS = 8
WARM_UP_SECONDS = 2
#: An idle connection stays open while the next ones are opened and measured.
PATIENT = {"HTTP_KEEPALIVE_SECONDS": "600"}

#: Makes calls for a number of seconds.
Call = Callable[[float], Load]


@dataclass(frozen=True, slots=True)
class Step:
    """A server with a number of connections or processes: its memory and what its calls cost.

    Attributes:
        mib: RSS of a server with connections; PSS of all processes together, the parent included.
    """

    number: int
    mib: float
    per_cpu_second: float
    per_second: float
    p50_ms: float
    p99_ms: float


class Bench:
    """The measurements on one database. Calls are GetUser, 16 at once."""

    def __init__(self, core: int, data_dir: Path, seconds: float, rounds: int) -> None:
        from tandem.user.v1.user_pb2 import GetUserRequest
        from users.models import User

        self._core = core
        self._log = data_dir / "servers.log"
        self._database = product.postgres(data_dir)
        self._seconds = seconds
        self._rounds = rounds
        self._email, _ = seed.add_callers(product.PASSWORD)
        self._user_id = str(User.objects.get(email=self._email).pk)
        self._message = GetUserRequest(user_id=self._user_id).SerializeToString()

    def beside_grpc(self, steps: Sequence[int]) -> Iterator[Step]:
        """Open ever more HTTP/2 connections without a call, and measure calls over gRPC."""
        with self._grpc() as server, ExitStack() as stack:
            headers = self._headers(server)
            idle = stack.enter_context(Receiver(server.address, f"/{SERVICE}/GetUser", self._message, headers))
            yield from self._beside(steps, server, lambda: idle.open(0), partial(self._call, server, headers))
            idle.take()  # Fails if a connection has ended.

    def beside_http(self, steps: Sequence[int]) -> Iterator[Step]:
        """Open ever more HTTP/1.1 connections, each with one request, and measure calls over REST."""
        with self._grpc() as server:
            headers = self._headers(server)
        with product.http_server(self._core, self._log, HTTP_PORT, **PATIENT) as server, ExitStack() as stack:
            url = f"{server.address}/api/v1/users/{self._user_id}"
            idle: list[socket.socket] = []
            yield from self._beside(
                steps,
                server,
                lambda: idle.append(stack.enter_context(_kept_alive())),
                partial(load.wrk, url, headers),
            )
            if ended := sum(_has_ended(connection) for connection in idle):
                sys.exit(f"{ended} of {len(idle)} idle connections have ended.")

    def by_processes(self, counts: Sequence[int]) -> list[Step]:
        """Measure servers of so many processes, one server at a time, in turns."""
        windows: dict[int, list[Window]] = {count: [] for count in counts}
        mib: dict[int, list[float]] = {count: [] for count in counts}
        for number in range(self._rounds):
            for count in counts:
                print(f"{count} processes: round {number + 1} of {self._rounds}", file=sys.stderr, flush=True)
                with self._grpc(count) as server:
                    headers = self._headers(server)
                    call = partial(self._call, server, headers)
                    call(WARM_UP_SECONDS)
                    windows[count].append(self._window(server, call))
                    mib[count].append(_shared_mib(server.process))
        return [_step(count, statistics.median(mib[count]), windows[count]) for count in counts]

    def _beside(
        self, steps: Sequence[int], server: Server, connect: Callable[[], object], call: Call
    ) -> Iterator[Step]:
        call(WARM_UP_SECONDS)  # Its threads and its connections to the database are made.
        opened = 0
        for connections in steps:
            while opened < connections:
                connect()
                opened += 1
            time.sleep(1)
            used = memory(server.process) / 2**20
            windows = [self._window(server, call) for _ in range(self._rounds)]
            print(f"{connections:,} connections: {used:.1f} MiB", file=sys.stderr, flush=True)
            yield _step(connections, used, windows)

    def _grpc(self, processes: int = 1) -> AbstractContextManager[Server]:
        return product.grpc_server(self._core, self._log, GRPC_PORT, METRICS_PORT, WORKERS, processes)

    def _headers(self, server: Server) -> dict[str, str]:
        with grpc.insecure_channel(server.address) as channel:
            return {"authorization": f"Bearer {product.access_token(channel, self._email)}"}

    def _call(self, server: Server, headers: dict[str, str], seconds: float) -> Load:
        # The kernel gives each connection to a process, so that a few of them would leave one without any.
        return load.h2load(
            server.address, f"/{SERVICE}/GetUser", self._message, headers, seconds, connections=AT_ONCE, streams=1
        )

    def _window(self, server: Server, call: Call) -> Window:
        """Measure a window, all of whose calls the server counts as answered."""
        before = _answered(server)
        window = watch(server.process, self._database, partial(call, self._seconds))
        if _answered(server) - before < window.completed:
            sys.exit(f"The server does not count {window.completed} successful calls.")
        return window


def _answered(server: Server) -> int:
    if server.address.startswith("http"):
        return server.handled("http_server_requests_total", operation=f"{SERVICE}/GetUser").get("200", 0)
    return server.handled("grpc_server_handled_total", grpc_service=SERVICE, grpc_method="GetUser").get("OK", 0)


def _kept_alive() -> socket.socket:
    """Open a connection, and make one request."""
    connection = socket.create_connection(("127.0.0.1", HTTP_PORT))
    connection.sendall(f"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1:{HTTP_PORT}\r\n\r\n".encode())
    if not connection.recv(1 << 16).startswith(b"HTTP/1.1 200"):
        sys.exit("The server does not answer.")
    return connection


def _has_ended(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1 << 16) == b""
    except BlockingIOError:
        return False


def _shared_mib(process: psutil.Process) -> float:
    tree = [process, *process.children(recursive=True)]
    return sum(float(one.memory_full_info().pss) for one in tree) / 2**20


def _step(number: int, mib: float, windows: Sequence[Window]) -> Step:
    def median(name: str) -> float:
        return round(statistics.median(getattr(window, name) for window in windows), 1)

    return Step(number, round(mib, 1), *map(median, ("per_cpu_second", "per_second", "p50_ms", "p99_ms")))
