"""The web process: on a real port, from start to stop."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.servers import ROOT, Servers, running, until

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
    assert web.wait(15) == 0


def test_it_takes_the_embedded_database_along(tmp_path: Path) -> None:
    embedded = {"DATABASE_URL": "", "TANDEM_DATA_DIR": str(tmp_path), "DEV_AUTH_AS": ""}
    with running(ready_path="/health/ready", **embedded) as servers:
        pid = int(next(tmp_path.rglob("postmaster.pid")).read_text().split()[0])
        assert psutil.pid_exists(pid)
    assert [process.returncode for process in servers.processes] == [0, 0]
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, "it has stopped")
