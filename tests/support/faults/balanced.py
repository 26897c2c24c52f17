"""An installation of several processes of each kind behind the Envoy of deploy/, without its TLS."""

import os
import signal
import subprocess
import threading
import uuid
from pathlib import Path
from typing import Any

import grpc
import psutil
import yaml

from scripts.dev.gateway import command_of
from tandem.client import Client, TandemError
from tandem.task.v1.task_pb2 import CreateTaskRequest, GetTaskRequest
from tests.support.faults.calling import OF_A_CALLER
from tests.support.faults.product import PATIENCE_SECONDS, Database, Installation, Killable
from tests.support.servers import answers_grpc, answers_http, free_port, until

GRPC_PROCESSES = 4
#: Envoy notices within two seconds that a process does not serve.
_DRAIN_WAIT = ["--drain-wait", "3"]
#: Of a caller.
READS_OF_A_WRITE = 4


class Balanced(Installation):
    """Four gRPC processes that share a port, and two web processes, behind a proxy; its port is that of both."""

    def __init__(self, database: Database, folder: Path) -> None:
        super().__init__(database, folder)
        rpc, self._webs = self.grpc_port, [free_port(), free_port()]
        self.rpc = self.process(
            "rpc",
            ["manage.py", "rungrpc", "--port", str(rpc), "--processes", str(GRPC_PROCESSES)],
            lambda: answers_grpc(f"127.0.0.1:{rpc}"),
        )
        self.web, self.other_web = (self._web(number, port) for number, port in enumerate(self._webs))
        self._upstream = f"127.0.0.1:{rpc}"
        self.http_port = self.grpc_port = free_port()
        self.http_url, self.grpc_address = f"http://127.0.0.1:{self.http_port}", f"127.0.0.1:{self.grpc_port}"

    @property
    def servers(self) -> dict[str, Killable]:
        return {**super().servers, self.other_web.name: self.other_web}

    def start(self) -> "Balanced":
        super().start()
        until(lambda: len(self.rpc_processes()) == GRPC_PROCESSES, "all processes run")
        webs = [f"127.0.0.1:{port}" for port in self._webs]
        command, variables = command_of("envoy", self.folder, self.http_port, webs, [self._upstream])
        path = self.folder / "envoy.yaml"
        configuration: dict[str, Any] = yaml.safe_load(path.read_text())
        (chain,) = configuration["static_resources"]["listeners"][0]["filter_chains"]
        del chain["transport_socket"], chain["transport_socket_connect_timeout"]
        path.write_text(yaml.safe_dump(configuration))
        with (self.folder / "envoy.log").open("wb") as log:
            self._proxy = subprocess.Popen(command, env=os.environ | variables, stdout=log, stderr=log)
        until(lambda: answers_http(f"{self.http_url}/health/ready"), "the proxy reaches the web processes")
        until(lambda: answers_grpc(self.grpc_address), "the proxy reaches the gRPC processes")
        return self

    def close(self) -> None:
        if hasattr(self, "_proxy"):
            self._proxy.kill()
            self._proxy.wait()
        super().close()

    def rpc_processes(self) -> list[psutil.Process]:
        """Return the gRPC processes, without their parent, in the order of their start."""
        return [child for child in psutil.Process(self.rpc.pid).children() if _is_alive(child)]

    def connections(self) -> list[int]:
        """Return how many connections each gRPC process has on the shared port."""
        return [self._connections_of(child) for child in self.rpc_processes()]

    def kill_one(self) -> None:
        """Kill a gRPC process that serves with SIGKILL, and wait until the parent has replaced it."""
        victim = max(self.rpc_processes(), key=self._connections_of)
        victim.kill()
        until(lambda: self._replaced({victim.pid}), "the killed process is replaced", PATIENCE_SECONDS)

    def restart_all(self) -> None:
        """Restart every process, one after the other, as docs/operate/proxies.md describes."""
        former = {child.pid for child in self.rpc_processes()}
        os.kill(self.rpc.pid, signal.SIGHUP)
        until(lambda: self._replaced(former), "all gRPC processes are replaced", 10 * PATIENCE_SECONDS)
        for web in (self.web, self.other_web):
            web.end_and_start()
            web.until_ready()

    def _connections_of(self, process: psutil.Process) -> int:
        port = int(self._upstream.rpartition(":")[2])
        return sum(
            one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port for one in process.net_connections()
        )

    def _replaced(self, former: set[int]) -> bool:
        present = {child.pid for child in self.rpc_processes()}
        return len(present) == GRPC_PROCESSES and not present & former

    def _web(self, number: int, port: int) -> Killable:
        return self.process(
            f"web{number}" if number else "web",
            ["manage.py", "runweb", "--port", str(port), *_DRAIN_WAIT],
            lambda: answers_http(f"http://127.0.0.1:{port}/health/ready"),
        )


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # It was listed, and has just ended.
        return False


class Caller(threading.Thread):
    """Writes and reads with the Python client, which retries. Keeps the failures that remain.

    Args:
        pause: seconds between a read and the next write.
    """

    def __init__(self, installation: Installation, pause: float = 1.0) -> None:
        super().__init__(daemon=True)
        self._pause = pause
        self.calls = 0
        self.failures: list[str] = []
        self._ended = threading.Event()
        self._address = installation.grpc_address

    def run(self) -> None:
        options = (("grpc.use_local_subchannel_pool", 1),)
        with Client(self._address, timeout=PATIENCE_SECONDS, options=options) as client:
            while not self._ended.is_set():
                try:
                    task = client.tasks.CreateTask(CreateTaskRequest(title=f"{OF_A_CALLER}, {uuid.uuid4()}"))
                    self.calls += 1
                    for _ in range(READS_OF_A_WRITE):
                        client.tasks.GetTask(GetTaskRequest(id=task.id))
                        self.calls += 1
                except (TandemError, grpc.RpcError) as exc:
                    self.failures.append(repr(exc))
                self._ended.wait(self._pause)

    def end(self) -> None:
        self._ended.set()
        self.join()
