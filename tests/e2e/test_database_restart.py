"""A database that goes away under load: calls fail with UNAVAILABLE at worst, and recover by themselves."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from tandem.common.v1.common_pb2 import HEALTH_STATUS_UNHEALTHY
from tandem.user.v1.user_pb2 import GetUserRequest
from tandem.user.v1.user_pb2_grpc import UserServiceStub
from tests.support.servers import ROOT, running, until

pytestmark = pytest.mark.real_server


class Load:
    """A thread that calls one transport again and again, with its results."""

    def __init__(self, call: Callable[[], str]) -> None:
        self.outcomes: list[tuple[float, str]] = []
        self._call = call
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            outcome = self._call()
            self.outcomes.append((time.monotonic(), outcome))
            self._stopped.wait(0.01)

    def works_since(self, moment: float, calls: int = 20) -> bool:
        recent = [outcome for at, outcome in self.outcomes if at > moment][-calls:]
        return len(recent) == calls and set(recent) == {"OK"}


def postmaster(folder: Path) -> int | None:
    """Return the process of the embedded server, or None while none runs."""
    for file in folder.rglob("postmaster.pid"):
        with suppress(FileNotFoundError, IndexError):
            return int(file.read_text().split()[0])
    return None


def test_calls_recover_from_a_restart(server_folder: Path) -> None:
    embedded = {"DATABASE_URL": "", "TANDEM_DATA_DIR": str(server_folder), "LOG_LEVEL": "CRITICAL"}
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true", **embedded}
    # Holds the database for the whole test, as a start script does.
    script = "from django.core.management import call_command as run; import django; django.setup();" \
        "run('migrate', verbosity=0); run('demo'); print('ready', flush=True); input()"  # fmt: skip
    holder = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin
    assert holder.stdout
    try:
        assert any(b"ready" in line for line in holder.stdout)
        with running(whole_start=True, **embedded) as servers, grpc.insecure_channel(servers.grpc_address) as channel:
            stub = UserServiceStub(channel)

            def over_grpc() -> str:
                try:
                    stub.GetUser(GetUserRequest(user_id="me"), timeout=10)
                    return "OK"
                except grpc.RpcError as exc:
                    return str(exc.code().name)

            def over_http() -> str:
                try:
                    urllib.request.urlopen(f"{servers.http_url}/api/v1/users/me", timeout=10).close()
                    return "OK"
                except urllib.error.HTTPError as exc:
                    return str(exc.code)

            with Load(over_grpc) as rpc, Load(over_http) as rest:
                began = time.monotonic()
                until(lambda: rpc.works_since(began) and rest.works_since(began), "both transports serve")
                former = postmaster(server_folder)
                # What `pg_ctl stop -m immediate` does: every session is cut, nothing is tidied up.
                assert former
                os.kill(former, signal.SIGQUIT)
                until(lambda: postmaster(server_folder) not in {former, None}, "a call has started the server again")
                again = time.monotonic()
                until(lambda: rpc.works_since(again) and rest.works_since(again), "both transports serve again", 5)
            # A call that finds its session ended opens another one; only those that were under way fail.
            assert {"OK"} <= {outcome for _, outcome in rpc.outcomes} <= {"OK", "UNAVAILABLE"}
            assert {"OK"} <= {outcome for _, outcome in rest.outcomes} <= {"OK", "503"}
    finally:
        holder.communicate(b"\n", timeout=30)


def test_health_reports_the_outage() -> None:
    nowhere = "postgres://nobody@127.0.0.1:1/nothing"
    with (
        running(ready_path="/health/live", DATABASE_URL=nowhere, LOG_LEVEL="CRITICAL") as servers,
        grpc.insecure_channel(servers.grpc_address) as channel,
    ):
        received = UserServiceStub(channel).HealthCheck(Empty(), timeout=10)
        assert received.status == received.components["database"] == HEALTH_STATUS_UNHEALTHY
        with urllib.request.urlopen(f"{servers.http_url}/api/v1/health", timeout=10) as answer:
            assert json.load(answer)["components"]["database"] == "unhealthy"
        with pytest.raises(urllib.error.HTTPError) as not_ready:
            urllib.request.urlopen(f"{servers.http_url}/health/ready", timeout=10)
        assert (not_ready.value.code, json.load(not_ready.value)["reason"]) == (503, "not working: database")
        with pytest.raises(grpc.RpcError) as unavailable:
            UserServiceStub(channel).GetUser(GetUserRequest(user_id="me"), timeout=10)
        assert unavailable.value.code() is grpc.StatusCode.UNAVAILABLE
