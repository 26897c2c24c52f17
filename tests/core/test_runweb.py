"""The web process: on a real port, from start to stop."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.servers import ROOT, Servers

pytestmark = pytest.mark.real_server


def runweb(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true", **environment}
    command = [sys.executable, "manage.py", "runweb", *arguments]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=30, check=False)


def test_a_taken_port_is_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = runweb("--port", str(taken.getsockname()[1]))
    assert ended.returncode == 1
    assert "Choose another with --port." in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "tandem.example.com"])
def test_the_development_identity_stays_at_home(host: str) -> None:
    ended = runweb("--host", host, DEV_AUTH_AS="admin@example.com")
    assert ended.returncode == 1
    assert "DEV_AUTH_AS" in ended.stderr


def test_without_debug_there_is_no_development_identity() -> None:
    ended = runweb(DEV_AUTH_AS="admin@example.com", DEBUG="false")
    assert ended.returncode == 1
    assert "needs DEBUG=true" in ended.stderr


def test_it_stops_when_told(servers: Servers) -> None:
    web = servers.processes[0]
    web.send_signal(signal.SIGTERM)
    assert web.wait(15) in (0, -signal.SIGTERM)
