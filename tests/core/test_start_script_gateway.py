"""The development server with a proxy of deploy/ in front, as `--gateway` starts it."""

import json
import signal
import ssl
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from scripts.dev.gateway import GATEWAYS
from tandem.common.v1.common_pb2 import HEALTH_STATUS_HEALTHY
from tandem.user.v1.user_pb2_grpc import UserServiceStub
from tests.core.test_start_script import Started
from tests.core.test_start_script import checkout as checkout
from tests.core.test_start_script import start as start
from tests.support.servers import free_port

pytestmark = pytest.mark.real_server


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.tools(str(Path(sys.executable).parent / name))) for name in GATEWAYS]
)
def test_gateway_serves_both_transports_with_tls(start: Callable[..., Started], checkout: Path, name: str) -> None:
    port = free_port()
    server = start("--gateway", name, "--gateway-port", str(port))
    server.until_it_prints("Ctrl-C stops everything")
    authority = checkout / "var/gateway/ca.pem"
    trusted = ssl.create_default_context(cafile=authority)
    with urllib.request.urlopen(f"https://localhost:{port}/api/v1/users", context=trusted, timeout=10) as answer:
        assert "jane@example.com" in {user["email"] for user in json.load(answer)["users"]}
    with grpc.secure_channel(f"localhost:{port}", grpc.ssl_channel_credentials(authority.read_bytes())) as channel:
        assert UserServiceStub(channel).HealthCheck(Empty(), timeout=10).status == HEALTH_STATUS_HEALTHY
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(timeout=30) == 0
    assert server.processes() == []
