"""The web process: on a real port, from start to stop."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from django.contrib.auth.hashers import make_password

from access.models import Session
from tests.support.servers import ROOT, Servers, running, until
from users.models import User

pytestmark = pytest.mark.real_server


def runweb(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true", **environment}
    command = [sys.executable, "manage.py", "runweb", *arguments]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=30, check=False)


def test_port_in_use_is_reported() -> None:
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


def test_development_identity_needs_debug() -> None:
    ended = runweb(DEV_AUTH_AS="admin@example.com", DEBUG="false")
    assert ended.returncode == 1
    assert "needs DEBUG=true" in ended.stderr


@pytest.mark.parametrize("servers", [{"whole_start": True}], indirect=True)
def test_server_stops_on_a_signal(servers: Servers) -> None:
    web = servers.processes[0]
    web.send_signal(signal.SIGTERM)
    assert web.wait(15) == 0


def test_server_starts_and_stops_the_embedded_database(server_folder: Path) -> None:
    embedded = {"DATABASE_URL": "", "TANDEM_DATA_DIR": str(server_folder), "DEV_AUTH_AS": ""}
    with running(whole_start=True, **embedded) as servers:
        pid = int(next(server_folder.rglob("postmaster.pid")).read_text().split()[0])
        assert psutil.pid_exists(pid)
    assert [process.returncode for process in servers.processes] == [0, 0]
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, "it has stopped")


BEHIND_ONE = {"TRUSTED_PROXIES": "1", "FORWARDED_ALLOW_IPS": "*"}
BEHIND_NONE = {"TRUSTED_PROXIES": "0", "FORWARDED_ALLOW_IPS": "*"}


@pytest.mark.parametrize(
    ("servers", "address"), [(BEHIND_ONE, "203.0.113.8"), (BEHIND_NONE, "127.0.0.1")], indirect=["servers"]
)
def test_only_what_the_trusted_proxy_added_names_the_caller(servers: Servers, address: str) -> None:
    User.objects.filter(email="admin@example.com").update(password=make_password("correct horse battery"))
    connection = http.client.HTTPConnection(urlsplit(servers.http_url).netloc, timeout=15)
    body = json.dumps({"email": "admin@example.com", "password": "correct horse battery"})
    connection.putrequest("POST", "/api/v1/auth/login")
    for name, value in (
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("X-Forwarded-For", "192.0.2.1"),
        ("X-Forwarded-For", "203.0.113.8:4711"),
        # Spelled so, it looks the same to a WSGI application.
        ("X_Forwarded_For", "192.0.2.2"),
        ("Forwarded", "for=192.0.2.3"),
    ):
        connection.putheader(name, value)
    connection.endheaders(body.encode())
    assert connection.getresponse().status == 200
    assert Session.objects.get().address == address
