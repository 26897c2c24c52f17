"""`manage.py rungrpc` as operators and clients meet it: a process of its own, real signals, hostile clients."""

import queue
import random
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from django.db import connection
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from prometheus_client.openmetrics import parser as openmetrics

from tandem.example.v1.example_pb2 import CreateUserRequest, GetUserRequest, ListUsersRequest
from tests.support.certificates import Authority
from tests.support.rungrpc import PATIENCE, RunGrpc, rungrpc
from tests.support.servers import database_url, free_port, until

pytestmark = pytest.mark.real_server
__all__ = ["rungrpc"]  # A fixture.

Start = Callable[..., RunGrpc]
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def health(server: RunGrpc, service: str = "") -> Any:
    stub = health_pb2_grpc.HealthStub(server.channel())
    return stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE).status


def running_call(server: RunGrpc, milliseconds: int) -> grpc.Future:
    """Begin a call that takes this long."""
    call = server.example.GetUser.future(GetUserRequest(user_id=milliseconds), timeout=PATIENCE)
    server.stderr.wait_for("GetUser has begun")
    return call


# Begin and end


def test_server_starts_without_a_database_and_logs_its_address(rungrpc: Start) -> None:
    server = rungrpc()
    (line,) = server.stdout.so_far()
    assert line == f"Serving gRPC on 127.0.0.1:{server.port} without TLS, 10 workers."
    assert [health(server, name) for name in ("", "example.ExampleService")] == [SERVING, SERVING]
    with pytest.raises(grpc.RpcError) as caught:
        server.example.ListUsers(ListUsersRequest(), timeout=PATIENCE)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_signal_lets_the_running_call_finish_and_rejects_new_ones(rungrpc: Start, signum: int) -> None:
    server = rungrpc()
    other = server.example
    call = running_call(server, milliseconds=1_500)
    server.process.send_signal(signum)
    server.stderr.wait_for("draining")

    def refuses() -> bool:
        try:
            other.CreateUser(CreateUserRequest(), timeout=PATIENCE)
        except grpc.RpcError as exc:
            return exc.code() is grpc.StatusCode.UNAVAILABLE
        return False

    until(refuses, "new calls are refused")
    assert not call.done()
    assert call.result(PATIENCE).user.id == 1_500
    assert server.exit_code() == 0
    assert server.logged()[-1]["message"] == "Drained."


def test_a_second_signal_ends_at_once(rungrpc: Start) -> None:
    server = rungrpc()
    call = running_call(server, milliseconds=60_000)
    server.process.terminate()
    server.stderr.wait_for("draining")
    begun = time.monotonic()
    server.process.terminate()
    assert server.exit_code() == 128 + signal.SIGTERM
    assert time.monotonic() - begun < 5
    assert call.exception(PATIENCE).code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


def test_a_call_that_outlasts_the_grace_is_cut(rungrpc: Start) -> None:
    server = rungrpc("--grace", "0.5")
    call = running_call(server, milliseconds=60_000)
    server.process.terminate()
    assert server.exit_code() == 1
    assert call.exception(PATIENCE) is not None
    assert "had to be cancelled" in server.logged()[-1]["message"]


def test_while_balancers_take_notice_everything_is_served(rungrpc: Start) -> None:
    server = rungrpc("--drain-wait", "2")
    watch = health_pb2_grpc.HealthStub(server.channel()).Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
    assert next(watch).status == SERVING
    server.process.terminate()
    assert next(watch).status == NOT_SERVING
    assert server.example.CreateUser(CreateUserRequest(), timeout=PATIENCE).user.id == server.process.pid
    assert health(server) == NOT_SERVING
    with pytest.raises(grpc.RpcError) as caught:
        while True:  # A watcher may get the same status twice.
            assert next(watch).status == NOT_SERVING
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert server.exit_code() == 0


def test_port_in_use_is_reported(rungrpc: Start) -> None:
    port = str(rungrpc().port)
    for arguments in (["--port", port], ["--port", port, "--host", "localhost"], ["--port", port, "--processes", "2"]):
        second = RunGrpc(*arguments)
        assert second.exit_code() == 1
        output = second.stderr.all()
        assert port in output
        assert "Traceback" not in output
        assert output.count("\n") == 1


def test_invalid_options_are_reported(tmp_path: Path) -> None:
    for arguments, expected in (
        (["--tls-cert", "cert.pem"], "both a certificate and its key"),
        (["--tls-cert", str(tmp_path / "none"), "--tls-key", str(tmp_path / "none")], "cannot be read"),
        (["--host", "nowhere.invalid"], "nowhere.invalid"),
        (["--workers", "0"], "--workers"),
        (["--grace", "-1"], "--grace"),
    ):
        server = RunGrpc(*arguments)
        assert server.exit_code() in (1, 2)
        output = server.stderr.all()
        assert expected in output
        assert "Traceback" not in output


def test_the_development_identity_stays_on_this_machine(rungrpc: Start) -> None:
    open_to_all = RunGrpc("--host", "0.0.0.0", DEV_AUTH_AS="ann@example.com", DEBUG="true")
    assert open_to_all.exit_code() == 1
    assert "DEV_AUTH_AS" in open_to_all.stderr.all()
    for arguments, published in ((["--host", "localhost"], ""), (["--host", "0.0.0.0"], "true")):
        environment = {"DEV_AUTH_AS": "ann@example.com", "DEBUG": "true"}
        if published:
            environment["DEV_AUTH_PUBLISHED_ON_LOOPBACK"] = published
        rungrpc(*arguments, **environment)


def test_database_that_cannot_start_is_logged_and_fails_calls(rungrpc: Start, tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.touch()
    server = rungrpc(DATABASE_URL="", TANDEM_DATA_DIR=str(occupied / "data"))
    server.stderr.wait_for("database cannot be started")
    with pytest.raises(grpc.RpcError) as caught:
        server.example.ListUsers(ListUsersRequest(), timeout=PATIENCE)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


# Clients


def test_invalid_bytes_do_not_affect_other_connections(rungrpc: Start) -> None:
    server = rungrpc()
    noise = random.Random(1).randbytes(10_000)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    for nonsense in (b"GET / HTTP/1.1\r\n\r\n", bytes(10_000), noise, preface + noise):
        # The server may hang up before it has read everything.
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as client, suppress(OSError):
            client.sendall(nonsense)
            client.shutdown(socket.SHUT_WR)
            while client.recv(4096):
                pass
        assert server.example.CreateUser(CreateUserRequest(name="Ann"), timeout=PATIENCE).user.name == "Ann"


def test_a_message_that_is_too_large_is_refused(rungrpc: Start) -> None:
    server = rungrpc()
    assert server.example.CreateUser(CreateUserRequest(email="x" * 999_000), timeout=PATIENCE).user.id
    with pytest.raises(grpc.RpcError) as caught:
        server.example.CreateUser(CreateUserRequest(email="x" * 1_001_000), timeout=PATIENCE)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_reflection_lists_the_services(rungrpc: Start) -> None:
    server = rungrpc("--reflection")
    for version in ("v1", "v1alpha"):
        names = {
            service.name for service in reflected(server, version, list_services="").list_services_response.service
        }
        assert names == {
            "example.ExampleService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        }
        for name in names:
            answer = reflected(server, version, file_containing_symbol=name)
            assert answer.file_descriptor_response.file_descriptor_proto, (name, answer)


def test_reflection_can_be_disabled(rungrpc: Start) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        reflected(rungrpc("--no-reflection"), "v1", list_services="")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def reflected(server: RunGrpc, version: str, **asked: str) -> Any:
    ask = server.channel().stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    (answer,) = ask(iter([reflection_pb2.ServerReflectionRequest(**asked)]), timeout=PATIENCE)
    return answer


def test_mutual_tls_rejects_clients_without_certificate(rungrpc: Start, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.issue("localhost")
    server = rungrpc("--tls-cert", str(cert), "--tls-key", str(key), "--client-ca", str(authority.path))
    assert "with TLS" in server.stdout.so_far()[0]
    client_cert, client_key = authority.issue("client")
    root = authority.path.read_bytes()
    known = grpc.ssl_channel_credentials(root, client_key.read_bytes(), client_cert.read_bytes())
    check = health_pb2.HealthCheckRequest()
    assert health_pb2_grpc.HealthStub(server.channel(known)).Check(check, timeout=PATIENCE).status == SERVING
    for stranger in (grpc.ssl_channel_credentials(root), None):
        with pytest.raises(grpc.RpcError) as caught:
            health_pb2_grpc.HealthStub(server.channel(stranger)).Check(check, timeout=PATIENCE)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_metrics_are_served(rungrpc: Start) -> None:
    port = free_port()
    server = rungrpc("--metrics-port", str(port))
    server.example.CreateUser(CreateUserRequest(), timeout=PATIENCE)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
        output = answer.read().decode()
    labels = 'grpc_method="CreateUser",grpc_service="example.ExampleService",grpc_type="unary"'
    assert f'grpc_server_handled_total{{grpc_code="OK",{labels}}} 1.0' in output
    assert f"grpc_server_started_total{{{labels}}} 1.0" in output
    assert f"grpc_server_handling_seconds_count{{{labels}}} 1.0" in output


def test_metrics_of_several_processes_are_served_at_one_address(rungrpc: Start) -> None:
    port = free_port()
    server = rungrpc("--metrics-port", str(port), "--processes", "2")
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"}
    )

    def families() -> dict[str, Any]:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
            found = list(openmetrics.text_string_to_metric_families(answer.read().decode()))
        assert len(found) == len({family.name for family in found})
        return {family.name: family for family in found}

    def up() -> dict[str, float]:
        return {sample.labels["process"]: sample.value for sample in families()["tandem_process_up"].samples}

    until(lambda: up() == {"0": 1.0, "1": 1.0}, "both processes answer")
    for _ in range(4):
        server.example.CreateUser(CreateUserRequest(), timeout=PATIENCE)
    created = [
        sample
        for sample in families()["grpc_server_handled"].samples
        if sample.labels.get("grpc_method") == "CreateUser" and sample.name.endswith("_total")
    ]
    assert {sample.labels["process"] for sample in created} <= {"0", "1"}
    assert sum(sample.value for sample in created) == 4
    assert families()["tandem_database_up"].samples[0].value == 0


def test_taken_port_of_the_metrics_stops_the_start_only_if_it_was_asked_for(rungrpc: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        server = rungrpc(GRPC_METRICS_PORT=port)
        until(lambda: any("metrics cannot be served" in line["message"] for line in server.logged()), "it is logged")
        assert {line["service"] for line in server.logged()} == {"tandem-grpc"}
        refused = RunGrpc("--metrics-port", port)
        assert refused.exit_code() == 1
        assert f"The metrics cannot be served on 127.0.0.1:{port}" in refused.stderr.all()


# The database under it


@pytest.mark.django_db(transaction=True)
def test_connections_that_are_cut_under_load_fail_as_unavailable_and_heal(rungrpc: Start) -> None:
    server = rungrpc("--workers", "4", DATABASE_URL=database_url())
    stop = threading.Event()
    outcomes: queue.SimpleQueue[grpc.StatusCode] = queue.SimpleQueue()

    def call_on() -> None:
        client = server.example
        while not stop.is_set():
            try:
                client.ListUsers(ListUsersRequest(), timeout=PATIENCE)
            except grpc.RpcError as exc:
                outcomes.put(exc.code())
            else:
                outcomes.put(grpc.StatusCode.OK)

    with ThreadPoolExecutor(8) as clients:
        for _ in range(8):
            clients.submit(call_on)
        for _ in range(50):
            assert outcomes.get(timeout=PATIENCE) is grpc.StatusCode.OK
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            (cut,) = cursor.fetchone()
        seen = [outcomes.get(timeout=PATIENCE) for _ in range(200)]
        stop.set()
    assert cut >= 4  # The workers', and those of the feed.
    assert 1 <= seen.count(grpc.StatusCode.UNAVAILABLE) <= 4
    assert set(seen) == {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
