"""The proxies of deploy/, started for real in front of the product's own processes."""

import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from django.core.management import call_command

from scripts.dev.gateway import command_of
from scripts.dev.options import GATEWAYS
from tandem.client import Client, NotFound, SnapshotEnd
from tandem.project.v1.project_pb2 import CreateProjectRequest
from tandem.task.v1.task_pb2 import CreateTaskRequest, GetTaskRequest, TaskEvent, WatchTasksRequest
from tests.support.certificates import Authority
from tests.support.servers import ROOT, Servers, database_url, free_port, running, until
from tests.support.transports import OPERATIONS

ENVOY, CADDY = ROOT / "deploy/envoy/envoy.yaml", ROOT / "deploy/caddy/Caddyfile"
PROGRAMS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def servers(django_db_setup: None, django_db_blocker: Any) -> Iterator[Servers]:
    with django_db_blocker.unblock():
        call_command("demo", stdout=StringIO())
        try:
            with running(DATABASE_URL=database_url()) as servers:
                yield servers
        finally:
            call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.tools(str(PROGRAMS / name))) for name in GATEWAYS]
)
def proxy(
    request: pytest.FixtureRequest, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Proxy"]:
    with started(request.param, tmp_path_factory.mktemp(request.param), servers) as proxy:
        yield proxy


class Proxy:
    """A running proxy, and calls through it."""

    def __init__(self, name: str, folder: Path, servers: Servers, replaced: tuple[str, str] | None) -> None:
        self.name = name
        self.port = free_port()
        web = servers.http_url.removeprefix("http://")
        command, variables = command_of(name, folder, self.port, [web], [servers.grpc_address])
        if replaced:
            configuration = folder / "envoy.yaml"
            text = configuration.read_text()
            assert replaced[0] in text
            configuration.write_text(text.replace(*replaced))
        self.authority = folder / "ca.pem"
        self.url = f"https://localhost:{self.port}"
        with (folder / "output").open("wb") as output:
            self.process = subprocess.Popen(command, env=os.environ | variables, stdout=output, stderr=output)

    def client(self) -> Client:
        return Client(f"localhost:{self.port}", tls=grpc.ssl_channel_credentials(self.authority.read_bytes()))

    def open(self, path: str, body: bytes | None = None, **headers: str) -> Any:
        sent = urllib.request.Request(
            self.url + path, body, {name.replace("_", "-"): text for name, text in headers.items()}
        )
        return urllib.request.urlopen(sent, timeout=30, context=ssl.create_default_context(cafile=self.authority))

    def connected(self) -> ssl.SSLSocket:
        """Open a connection for HTTP/1.1."""
        context = ssl.create_default_context(cafile=self.authority)
        return context.wrap_socket(socket.create_connection(("localhost", self.port), 30), server_hostname="localhost")

    def get(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """Return the status, body and headers of an answer; status 0 = there is none."""
        try:
            with self.open(path, body, **headers) as answer:
                return answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as exc:
            return exc.code, exc.read(), dict(exc.headers)
        except OSError:
            return 0, b"", {}


@contextmanager
def started(name: str, folder: Path, servers: Servers, replaced: tuple[str, str] | None = None) -> Iterator[Proxy]:
    """Run a proxy within the context.

    Args:
        replaced: a setting of Envoy's configuration, and what replaces it.
    """
    proxy = Proxy(name, folder, servers, replaced)
    try:
        until(lambda: proxy.get("/health/ready")[0] == 200, "the proxy answers")
        yield proxy
    finally:
        proxy.process.terminate()
        proxy.process.wait(30)


def routes_of_envoy() -> dict[str, Any]:
    """Return the routes of the delivered configuration by name."""
    configuration = yaml.safe_load(ENVOY.read_text())
    (listener,) = configuration["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return {route["name"]: route for route in manager["route_config"]["virtual_hosts"][0]["routes"]}


@pytest.mark.real_server
@pytest.mark.django_db
def test_calls_pass_the_proxy_over_both_transports(proxy: Proxy) -> None:
    status, body, _ = proxy.get("/api/v1/users/me")
    assert (status, json.loads(body)["email"]) == (200, "admin@example.com")
    status, body, _ = proxy.get("/api/v1/tasks", b'{"title": ""}', Content_Type="application/json")
    assert (status, json.loads(body)["reason"]) == (400, "INVALID")
    with proxy.client() as client:
        task = client.tasks.CreateTask(CreateTaskRequest(title="By gRPC"))
        status, body, _ = proxy.get(f"/api/v1/tasks/{task.id}")
        assert (status, json.loads(body)["title"]) == (200, "By gRPC")
        with pytest.raises(NotFound, match="Task with ID 'none' not found"):
            client.tasks.GetTask(GetTaskRequest(id="none"))
    # Connect, as browsers call.
    for path, message in (("user.v1.UserService", b'{"userId": "me"}'), ("example.ExampleService", b'{"userId": 1}')):
        status, body, _ = proxy.get(f"/{path}/GetUser", message, Content_Type="application/json")
        assert (status, "user" in json.loads(body)) == (200, True), body
    # More than a head may have.
    status, *_ = proxy.get("/health", X_Large="x" * 60_000)
    assert status in (0, 400, 431)


@pytest.mark.real_server
@pytest.mark.django_db
def test_failures_pass_the_proxy_every_time(proxy: Proxy) -> None:
    """A failed call is a head with the status in it; a proxy must not send that head before it knows that it ends."""
    with proxy.client() as client:
        for _ in range(300):
            with pytest.raises(NotFound, match="Task with ID 'none' not found"):
                client.tasks.GetTask(GetTaskRequest(id="none"))


@pytest.mark.real_server
@pytest.mark.django_db
def test_streams_pass_the_proxy_at_once(proxy: Proxy) -> None:
    label = uuid.uuid4().hex
    with (
        proxy.open(f"/api/v1/tasks/stream?labels={label}") as events,
        proxy.client() as client,
        client.watch_tasks(labels=[label], include_initial=True) as watch,
    ):
        assert isinstance(next(watch), SnapshotEnd)
        client.tasks.CreateTask(CreateTaskRequest(title="Seen", labels=[label]))
        event = next(watch)
        assert isinstance(event, TaskEvent)
        assert event.task.title == "Seen"
        assert any(b'"title":"Seen"' in line for line in events)


@pytest.mark.real_server
@pytest.mark.django_db
@pytest.mark.tools(str(PROGRAMS / "envoy"))
def test_silent_watches_are_not_cut(servers: Servers, tmp_path: Path) -> None:
    """In Envoy, which cuts other calls after a minute of silence; here after a second."""
    label, second = uuid.uuid4().hex, ("stream_idle_timeout: 60s", "stream_idle_timeout: 1s")
    with started("envoy", tmp_path, servers, replaced=second) as envoy, envoy.client() as client:
        watch = client.tasks.WatchTasks(WatchTasksRequest(labels=[label]))
        body = json.dumps({"labels": [label]}).encode()
        connect = envoy.open(
            "/taskservice.TaskService/WatchTasks", struct.pack(">BI", 0, len(body)) + body,
            Content_Type="application/connect+json",
        )  # fmt: skip
        with connect, envoy.connected() as silent:
            silent.sendall(b"POST /api/v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
            assert b" 408 " in silent.recv(100), "a call of another kind is cut"
            time.sleep(2)
            client.tasks.CreateTask(CreateTaskRequest(title="Late", labels=[label]))
            assert next(watch).task.title == "Late"
            assert b'"title":"Late"' in connect.read1().replace(b" ", b"")


def test_all_watches_may_be_silent() -> None:
    routes = routes_of_envoy()
    watches = {each.name for each in OPERATIONS.values() if each.rpc.startswith("Watch")}
    assert watches == {
        each.name for each in OPERATIONS.values() if "bookmarks" in each.request_class.DESCRIPTOR.fields_by_name
    }
    for route in ("grpc-watches", "watches-of-browsers"):
        regex = routes[route]["match"]["safe_regex"]["regex"]
        assert watches == {each.name for each in OPERATIONS.values() if re.fullmatch(regex, f"/{each.name}")}


@pytest.mark.real_server
@pytest.mark.django_db
def test_uploads_pass_the_proxy(proxy: Proxy) -> None:
    with proxy.client() as client:
        project = client.projects.CreateProject(CreateProjectRequest(name=f"Hall {proxy.port}")).project
        document = client.upload_document(project.id, ROOT / "samples/cabinet.pdf")
        assert document.id
    boundary = uuid.uuid4().hex
    parts = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="title"\r\n\r\nWeekly\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="planning.ogg"\r\n'
        "Content-Type: audio/ogg\r\n\r\n"
    ).encode()
    body = parts + (ROOT / "samples/planning.ogg").read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    status, answer, _ = proxy.get(
        "/api/v1/meetings/upload", body, Content_Type=f"multipart/form-data; boundary={boundary}"
    )
    assert status in (200, 201, 202), answer
    assert json.loads(answer)["title"] == "Weekly"


@pytest.mark.real_server
@pytest.mark.django_db
def test_replaced_certificate_serves_new_connections(proxy: Proxy) -> None:
    if proxy.name != "envoy":
        pytest.skip("Caddy renews its certificate by itself.")
    former, folder = proxy.authority.read_bytes(), proxy.authority.parent
    renewed = folder / "renewed"
    renewed.mkdir()
    authority = Authority(renewed)
    with proxy.client() as client, client.watch_tasks(include_initial=True) as watch:
        while not isinstance(next(watch), SnapshotEnd):
            pass
        for source, target in zip(authority.issue("localhost"), ("localhost.pem", "localhost.key"), strict=True):
            source.replace(folder / target)
        authority.path.replace(proxy.authority)
        until(lambda: proxy.get("/health/live")[0] == 200, "the new certificate is used")
        (folder / "former.pem").write_bytes(former)
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(
                f"{proxy.url}/health/live", context=ssl.create_default_context(cafile=folder / "former.pem")
            )
        # Connections of before continue.
        client.tasks.CreateTask(CreateTaskRequest(title="On the former connection"))
        assert isinstance(next(watch), TaskEvent)


def test_only_reads_are_sent_again() -> None:
    routes = routes_of_envoy()
    assert {name for name, route in routes.items() if "retry_policy" in route["route"]} == {"grpc-reads", "http-reads"}
    regex = routes["grpc-reads"]["match"]["safe_regex"]["regex"]
    of_caddy = re.search(r"path_regexp (\S+)", CADDY.read_text())
    assert of_caddy
    assert of_caddy[1] == f"^{regex}$"
    unary = [each for each in OPERATIONS.values() if not (each.takes_stream or each.answers_stream)]
    repeated = {each.name for each in unary if re.fullmatch(regex, f"/{each.name}")}
    reads = {each.name for each in unary if each.http.verb == "GET"}
    assert repeated <= reads
    assert reads - repeated == set()
    others = {each.name for each in OPERATIONS.values() if each not in unary}
    assert [name for name in others if re.fullmatch(regex, f"/{name}")] == []
