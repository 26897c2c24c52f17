"""Clients of other projects call the server in every protocol: buf, and the package connectrpc."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.python_packages import pip_install
from tests.support.servers import ROOT, Servers
from tests.support.shared_servers import db as db
from tests.support.shared_servers import servers as servers
from tests.support.tools import PACKAGE_INDEX, path_of

pytestmark = pytest.mark.real_server

CONNECTRPC = "connectrpc==0.13.0"


def curl(servers: Servers, protocol: str, rpc: str, message: Any) -> tuple[int, Any]:
    """Call by `buf curl`, and return its exit code and what it prints."""
    is_grpc = protocol == "grpc"
    url = f"http://{servers.grpc_address}" if is_grpc else servers.http_url
    command = [
        path_of("buf") or "", "curl", "--protocol", protocol, "--schema", "proto/released.binpb",
        *(["--http2-prior-knowledge"] if is_grpc else []), "-d", json.dumps(message), f"{url}/{rpc}",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    answer = json.loads(done.stdout or done.stderr)
    for detail in answer.get("details", ()):
        detail.pop("debug", None)  # Connect alone has a readable copy.
    return done.returncode, answer


@pytest.mark.tools("buf")
def test_buf_gets_the_same_over_three_protocols(servers: Servers) -> None:
    failures, ends = [], []
    for protocol in ("grpc", "grpcweb", "connect"):
        code, made = curl(servers, protocol, "taskservice.TaskService/CreateTask", {"title": f"by {protocol}"})
        assert (code, made["title"]) == (0, f"by {protocol}")
        failures.append(curl(servers, protocol, "taskservice.TaskService/CreateTask", {"title": ""}))
        ends.append(curl(servers, protocol, "change.v1.ChangeService/WatchChanges", {"cursor": "none"}))
    for failure in (failures, ends):
        assert failure[0] == failure[1] == failure[2]
        code, error = failure[0]
        assert (code != 0, error["code"]) == (True, "invalid_argument")
        assert [detail["type"] for detail in error["details"]] == ["google.rpc.ErrorInfo", "google.rpc.BadRequest"]


@pytest.mark.tools(PACKAGE_INDEX)
def test_connectrpc_calls_in_every_encoding(servers: Servers, tmp_path: Path) -> None:
    pip_install("--target", str(tmp_path), CONNECTRPC)
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "clients/connectrpc_client.py"), servers.http_url],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert sorted(found) == ["CONNECT json", "CONNECT proto", "GRPC_WEB json", "GRPC_WEB proto"]
    for name, calls in found.items():
        assert (calls["title"], calls["event"]) == (name, 1)
        codes = [(code, details[:1]) for code, _, details in calls["failures"]]
        assert codes[0] == ("invalid_argument", ["google.rpc.ErrorInfo"])
        assert [code for code, _ in codes[1:]] == ["invalid_argument", "invalid_argument"]
        assert calls["failures"][0][1], "a failure has its message"
