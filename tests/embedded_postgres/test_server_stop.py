"""Web and gRPC servers stop while their calls wait for the embedded database."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import psutil
import pytest

from tandem.user.v1.user_pb2 import GetUserRequest
from tandem.user.v1.user_pb2_grpc import UserServiceStub
from tests.support.embedded_cluster import never_ready
from tests.support.servers import ROOT, free_port, until


@contextlib.contextmanager
def serving(data_dir: Path, command: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    variables = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true", "DATABASE_URL": "",
        "TANDEM_DATA_DIR": str(data_dir), "LOG_LEVEL": "CRITICAL", "DEV_AUTH_AS": "admin@example.com",
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "manage.py", command, "--port", str(port), "--grace", "1"], cwd=ROOT, env=variables
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.real_server
@pytest.mark.parametrize("command", ["runweb", "rungrpc"])
def test_server_stops_in_time_while_calls_wait_for_the_database(data_dir: Path, command: str) -> None:
    port = free_port()
    with serving(data_dir, command, port) as process:
        until(lambda: listens(port), 40)
        with never_ready(data_dir):
            answers: list[str] = []
            callers = [threading.Thread(target=call, args=(command, port, answers), daemon=True) for _ in range(12)]
            for caller in callers:
                caller.start()
            time.sleep(1)  # They wait inside the server, which nothing shows from outside but that no answer comes.
            assert not answers
            began = time.monotonic()
            process.terminate()
            process.wait(20)
            assert time.monotonic() - began < 8


@pytest.mark.real_server
@pytest.mark.parametrize("command", ["runweb", "rungrpc"])
def test_server_stops_while_its_start_waits_for_the_database(data_dir: Path, command: str) -> None:
    with never_ready(data_dir), serving(data_dir, command, free_port()) as process:
        lock = data_dir / "postgres/start.lock"
        until(lambda: any(str(lock) == file.path for file in psutil.Process(process.pid).open_files()), 40)
        began = time.monotonic()
        process.terminate()
        process.wait(20)
        assert time.monotonic() - began < 8


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def call(command: str, port: int, answers: list[str]) -> None:
    if command == "runweb":
        url = f"http://127.0.0.1:{port}/api/v1/users/me"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=60) as answer:
            answers.append(str(answer.status))
        return
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, contextlib.suppress(grpc.RpcError):
        answers.append(UserServiceStub(channel).GetUser(GetUserRequest(user_id="me"), timeout=60).user.id)
