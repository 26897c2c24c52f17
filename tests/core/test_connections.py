"""The web process's connections: idle ones, slow ones, too many, half-closed ones, and targets of all forms."""

import json
import socket
import time
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tasks.models import Task
from tests.support.raw_http import Connection, framed
from tests.support.servers import Servers, database_url, running, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import servers as servers

pytestmark = pytest.mark.real_server

JSON = "application/json"
SOCKETS = Path("/proc/self/net/tcp")
IMPATIENT = {"BODY_WAIT_SECONDS": "1", "HTTP_KEEPALIVE_SECONDS": "2"}


def opened(stack: ExitStack, servers: Servers, count: int) -> list[Connection]:
    return [stack.enter_context(Connection(servers.http_url)) for _ in range(count)]


@pytest.mark.parametrize("shared_servers", [IMPATIENT], indirect=True)
def test_the_head_of_a_request_has_a_limited_time(servers: Servers) -> None:
    with Connection(servers.http_url) as silent, Connection(servers.http_url) as slow, ExitStack() as stack:
        begun = time.monotonic()
        for byte in b"GET /health HTTP/1.1":
            try:
                slow.send(bytes((byte,)))
            except OSError:
                break
            if time.monotonic() - begun > 3:
                break
            time.sleep(0.15)  # A client that is slow; nothing is waited for.
        answer = slow.answer()
        assert (answer.status, answer.reason) == (408, "DEADLINE_EXCEEDED")
        assert slow.is_closed()
        assert silent.is_closed()
        (second,) = opened(stack, servers, 1)
        assert second.request("GET", "/health").status == 200
        second.send(b"GET /hea")
        assert second.answer().status == 408


@pytest.mark.skipif(not SOCKETS.exists(), reason="only Linux shows the timers of sockets")
@pytest.mark.parametrize("shared_servers", [IMPATIENT], indirect=True)
def test_the_kernel_probes_silent_clients(servers: Servers) -> None:
    with Connection(servers.http_url) as connection:
        assert connection.request("GET", "/health").status == 200
        server, client = (
            f":{address[1]:04X}" for address in (connection.socket.getpeername(), connection.socket.getsockname())
        )

        def timer() -> str:
            rows = [line.split() for line in SOCKETS.read_text().splitlines()]
            (found,) = [row[5] for row in rows if row[1].endswith(server) and row[2].endswith(client)]
            return found.partition(":")[0]

        until(lambda: timer() == "02", "the server's end of the connection waits to send a probe")


@pytest.mark.parametrize("shared_servers", [IMPATIENT], indirect=True)
def test_the_head_of_a_request_has_a_limited_size(servers: Servers) -> None:
    bombs = ("x-a: b\r\n" * 101, f"x-a: {'b' * 70_000}\r\n", f"x-a: {'b' * 10_000}\r\n" * 7, "x-a: b\r\n" * 20_000)
    for bomb in bombs:
        with Connection(servers.http_url) as connection:
            with suppress(OSError):  # The server closes the connection before it has read a large head.
                connection.send(f"GET /health HTTP/1.1\r\nHost: {connection.host}\r\n{bomb}\r\n".encode())
            assert connection.answer().status == 431
    with Connection(servers.http_url) as connection:
        connection.send(f"GET /health HTTP/1.1\r\nHost: {connection.host}\r\n\r\n".encode())
        assert connection.answer().status == 200
    with grpc.insecure_channel(servers.grpc_address) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        for metadata in ([("x-a", "b" * 20_000)], [("x-a", "b")] * 1000):
            with pytest.raises(grpc.RpcError) as refused:
                check(health_pb2.HealthCheckRequest(), metadata=metadata, timeout=20)
            assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert check(health_pb2.HealthCheckRequest(), timeout=20).status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("shared_servers", [IMPATIENT], indirect=True)
def test_a_head_that_begins_before_the_last_answer_is_complete_has_a_limited_time(servers: Servers) -> None:
    with Connection(servers.http_url) as connection:
        connection.send(framed("GET", "/health", connection.host, None) + b"GET /hea")
        assert connection.answer().status == 200
        assert connection.answer().status == 408
        assert connection.is_closed()


@pytest.mark.parametrize("shared_servers", [IMPATIENT], indirect=True)
def test_a_connection_stays_open_between_requests_as_long_as_it_is_set(servers: Servers) -> None:
    with Connection(servers.http_url) as connection:
        for _ in range(3):
            assert connection.request("GET", "/health").status == 200
            assert not connection.is_closed(1.3)
            connection.file = connection.socket.makefile("rb")
            connection.socket.settimeout(20)
        assert connection.is_closed(3.5)


@pytest.mark.parametrize("shared_servers", [IMPATIENT], indirect=True)
def test_a_body_that_is_not_read_does_not_hold_its_connection(servers: Servers) -> None:
    with Connection(servers.http_url) as connection:
        head = f"POST /api/v1/tasks HTTP/1.1\r\nHost: {connection.host}\r\nContent-Type: application/json\r\n"
        connection.send(f"{head}Content-Length: 5000000\r\n\r\n".encode() + b"x" * 100)
        assert connection.answer().status == 413
        begun = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - begun < 10:
                connection.send(b"x")
                time.sleep(0.1)


def test_a_client_that_closes_its_side_gets_its_answer(servers: Servers) -> None:
    body = b'{"title": "half"}'
    with Connection(servers.http_url) as connection:
        head = f"POST /api/v1/tasks HTTP/1.1\r\nHost: {connection.host}\r\nContent-Type: application/json\r\n"
        connection.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        connection.socket.shutdown(socket.SHUT_WR)
        assert connection.answer().status == 201
        assert connection.is_closed()
    with Connection(servers.http_url) as connection:
        connection.send(f"GET /api/v1/tasks/stream HTTP/1.1\r\nHost: {connection.host}\r\n\r\n".encode())
        connection.socket.shutdown(socket.SHUT_WR)
        until(lambda: connection.is_closed() or connection.socket.recv(1000) == b"", "the stream has ended")
    assert Task.objects.filter(title="half").count() == 1


def test_a_client_that_still_sends_reads_its_refusal_before_the_connection_is_closed(servers: Servers) -> None:
    request = urllib.request.Request(f"{servers.http_url}/api/v1/tasks", b"x" * 20_000_000, method="POST")
    request.add_header("Content-Type", "application/json")
    with pytest.raises(urllib.error.HTTPError) as refused:  # urllib closes each connection.
        urllib.request.urlopen(request, timeout=20)
    assert (refused.value.code, json.load(refused.value)["reason"]) == (413, "TOO_LARGE")


def test_a_target_may_be_a_whole_url(servers: Servers) -> None:
    with Connection(servers.http_url) as connection:
        answer = connection.request("GET", f"{servers.http_url}/api/v1/users/me?x=1")
        assert (answer.status, answer.pointers) == (400, {"#/x": "unknown"})
        assert connection.request("GET", f"{servers.http_url}/api/v1/users/me").document["email"] == "admin@example.com"
        assert connection.request("GET", "HTTP://evil.example/api/v1/users/me").pointers == {"#/host": "unknown"}
        assert connection.request("GET", f"http://{connection.host}").status == 200
        answer = connection.request("OPTIONS", "*")
        assert (answer.status, "GET" in answer.headers["allow"]) == (204, True)
        assert "content-length" not in answer.headers
        assert "content-type" not in answer.headers
    for target in ("*", "users/me", "ftp://localhost/", "http:/health", "http://[::1/health"):
        with Connection(servers.http_url) as connection:
            answer = connection.request("GET", target)
            assert (answer.status, answer.reason) == (400, "INVALID")


def test_a_request_of_two_lengths_is_refused_and_its_connection_closed(servers: Servers) -> None:
    body = b'{"title": "no"}'
    smuggled = framed("POST", "/api/v1/tasks", "localhost", body, Content_Type="application/json")
    head = "POST /api/v1/users/me HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for framing in (
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: -1",
        "Content-Length: +5",
        f"Content-Length: {'9' * 5_000}",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
    ):
        with Connection(servers.http_url) as connection:
            connection.send(f"{head}{framing}\r\n\r\n0\r\n\r\n".encode() + smuggled)
            answer = connection.answer()
            assert answer.status in (400, 501), framing
            assert answer.reason == "INVALID"
            assert answer.headers["connection"] == "close"
            assert connection.is_closed(), framing
    assert Task.objects.filter(title="no").count() == 0


def test_requests_may_be_sent_one_after_the_other_without_waiting(servers: Servers) -> None:
    with Connection(servers.http_url) as connection:
        sent = [{"title": f"task {n}"} for n in range(20)]
        host = connection.host
        connection.send(
            b"".join(
                framed("POST", "/api/v1/tasks", host, json.dumps(task).encode(), chunked=n % 2 == 0, Content_Type=JSON)
                for n, task in enumerate(sent)
            )
        )
        assert [connection.answer().document["title"] for _ in sent] == [task["title"] for task in sent]


def test_upgrades_are_ignored_but_for_websockets(servers: Servers) -> None:
    with Connection(servers.http_url) as connection:
        assert connection.request("GET", "/health", Connection="Upgrade, HTTP2-Settings", Upgrade="h2c").status == 200
        websocket = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
        answer = connection.request("GET", "/health", **websocket, Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==")
        assert (answer.status, answer.document["reason"]) == (404, "NOT_FOUND")


def test_invalid_http_is_answered_and_closed(servers: Servers) -> None:
    for sent, status in (
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000, 431),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ):
        with Connection(servers.http_url) as connection:
            connection.send(sent)
            answer = connection.answer()
            assert (answer.status, answer.document["status"], answer.reason) == (status, status, "INVALID")
            assert connection.is_closed()
    assert psutil.Process(servers.processes[0].pid).is_running()


@pytest.mark.usefixtures("servers")
def test_idle_connections_end_no_server_that_may_open_few_files(tmp_path: Path) -> None:
    environment = {"DATABASE_URL": database_url(), "DEV_AUTH_AS": ""}
    log = tmp_path / "log"
    few_files = ("prlimit", "--nofile=1024:1024")
    with (
        log.open("wb") as stderr,
        running(prefix=few_files, stderr=stderr, **environment) as servers,
        ExitStack() as stack,
    ):
        for idle in opened(stack, servers, 1_200):
            idle.send(b"GET /health")
        for _ in range(200):
            with Connection(servers.http_url) as connection:
                connection.send(b"nonsense\r\n\r\n")
                assert connection.answer().status == 400
        for path, status in (("/health", 200), ("/health/ready", 200), ("/api/v1/users/me", 401)):
            for _ in range(20):
                with Connection(servers.http_url) as connection:
                    assert connection.request("GET", path).status == status
        assert psutil.Process(servers.processes[0].pid).num_fds() < 1_000
    lines = log.read_text().splitlines()
    assert "The limit of open files allows" in lines[0]
    assert len(lines) < 20, lines


@pytest.mark.parametrize("shared_servers", [{"HTTP_MAX_CONNECTIONS": "40"}], indirect=True)
def test_when_all_connections_are_busy_further_ones_are_refused_and_health_answers(servers: Servers) -> None:
    with ExitStack() as stack:
        busy = opened(stack, servers, 40)
        for connection in busy:
            connection.send(f"GET /api/v1/tasks/stream HTTP/1.1\r\nHost: {connection.host}\r\n\r\n".encode())
            assert connection.head()[0] == 200
        for _ in range(3):
            with Connection(servers.http_url) as connection:
                answer = connection.request("GET", "/api/v1/users/me")
                assert (answer.status, answer.reason) == (503, "UNAVAILABLE")
                assert answer.headers["retry-after"] == "1"
            with Connection(servers.http_url) as connection:
                assert connection.request("GET", "/health").status == 200
        busy[0].close()

        def answers() -> bool:
            with Connection(servers.http_url) as connection:
                return connection.request("GET", "/api/v1/users/me").status == 200

        until(answers, "there is a place again")


@pytest.mark.parametrize("shared_servers", [{"GRPC_MESSAGE_WAIT_SECONDS": "1"}], indirect=True)
def test_a_connection_over_grpc_without_a_handshake_is_closed(servers: Servers) -> None:
    for sent in (b"", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        with Connection(f"http://{servers.grpc_address}") as connection:
            connection.send(sent)
            connection.socket.settimeout(10)
            begun = time.monotonic()
            while connection.socket.recv(1000):  # Its settings; TimeoutError if it stays open.
                pass
            assert time.monotonic() - begun < 5
