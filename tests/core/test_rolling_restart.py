"""SIGHUP replaces the processes of `rungrpc --processes N` one after the other, while calls continue."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import psutil
import pytest

from tandem.client.channel import service_config
from tandem.example.v1.example_pb2 import CreateUserRequest
from tandem.example.v1.example_pb2_grpc import ExampleServiceStub
from tests.support.certificates import Authority
from tests.support.rungrpc import PATIENCE, RunGrpc, rungrpc
from tests.support.servers import until

pytestmark = pytest.mark.real_server
__all__ = ["rungrpc"]  # A fixture.

Start = Callable[..., RunGrpc]
#: A process starts within seconds; on a machine that is busy with other tests within more.
_RESTART_SECONDS = 120
RETRIES = service_config(["/example.ExampleService/CreateUser"])


class Caller(threading.Thread):
    """Calls without a pause, with a client's retries. Keeps the processes that answered, and the failures."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.answered: list[int] = []
        self.failures: list[str] = []
        self._ended = threading.Event()
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.service_config", RETRIES)]
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)

    def run(self) -> None:
        stub = ExampleServiceStub(self._channel)
        while not self._ended.is_set():
            try:
                self.answered.append(stub.CreateUser(CreateUserRequest(), timeout=PATIENCE).user.id)
            except grpc.RpcError as exc:
                self.failures.append(str(exc))
            time.sleep(0.005)  # The servers share the machine's cores.

    def end(self) -> None:
        self._ended.set()
        self.join()
        self._channel.close()


def test_processes_are_replaced_without_a_failed_call(rungrpc: Start) -> None:
    server = rungrpc("--processes", "2")
    server.stdout.wait_for("^Serving")
    former = set(server.children())
    callers = [Caller(server.port) for _ in range(4)]
    try:
        for caller in callers:
            caller.start()
        until(lambda: all(caller.answered for caller in callers), "all are answered")
        os.kill(server.process.pid, signal.SIGHUP)
        server.stderr.wait_for("All server processes were restarted", _RESTART_SECONDS)
        successors = set(server.children())
        until(lambda: all(caller.answered[-1] in successors for caller in callers), "new processes answer all")
    finally:
        for caller in callers:
            caller.end()
    assert [failure for caller in callers for failure in caller.failures] == []
    assert len(successors) == 2
    assert not successors & former
    assert {caller.answered[0] for caller in callers} <= former
    server.process.terminate()
    assert server.exit_code() == 0


def test_a_signal_ends_a_restart_and_everything_else(rungrpc: Start) -> None:
    server = rungrpc("--processes", "2")
    server.stdout.wait_for("^Serving")
    os.kill(server.process.pid, signal.SIGHUP)
    server.stderr.wait_for("Restarting 2 server processes")
    until(lambda: len(server.children()) == 3, "a successor starts")
    children = server.children()
    server.process.terminate()
    # A process that has not begun to serve is ended by the signal itself.
    assert server.exit_code() in (0, 128 + signal.SIGTERM)
    until(lambda: not any(map(psutil.pid_exists, children)), "the children are gone")


def test_former_processes_continue_if_new_ones_do_not_serve(rungrpc: Start, tmp_path: Path) -> None:
    certificate = Authority(tmp_path).issue("localhost")
    server = rungrpc("--processes", "2", "--tls-cert", str(certificate[0]), "--tls-key", str(certificate[1]))
    server.stdout.wait_for("^Serving")
    former = server.children()
    certificate[1].unlink()
    os.kill(server.process.pid, signal.SIGHUP)
    server.stderr.wait_for("does not serve; the former ones continue", _RESTART_SECONDS)
    assert server.children() == former
    server.process.terminate()
    assert server.exit_code() == 0
