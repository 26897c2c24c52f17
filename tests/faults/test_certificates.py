"""Certificates of the gRPC port: swapped again and again while clients connect, and clients whose own is wrong."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from tandem.example.v1.example_pb2 import CreateUserRequest
from tandem.example.v1.example_pb2_grpc import ExampleServiceStub
from tests.faults.conftest import SHARE
from tests.support.certificates import Authority
from tests.support.rungrpc import PATIENCE, RunGrpc, rungrpc

pytestmark = pytest.mark.faults
__all__ = ["rungrpc"]  # A fixture.

SWAPS = 500
CLIENTS = 4


def put(target: Path, content: bytes) -> None:
    part = target.with_suffix(".part")
    part.write_bytes(content)
    part.replace(target)


def test_swapped_under_load(rungrpc: Callable[..., RunGrpc], tmp_path: Path, report: Callable[[str], None]) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.issue("localhost")
    pairs = [(cert.read_bytes(), key.read_bytes())]
    authority.issue("localhost")
    pairs.append((cert.read_bytes(), key.read_bytes()))
    server = rungrpc("--tls-cert", str(cert), "--tls-key", str(key))
    credentials = grpc.ssl_channel_credentials(authority.path.read_bytes())
    ended, failures, calls = threading.Event(), [], []

    def connect_again_and_again() -> None:
        while not ended.is_set():
            options = [("grpc.use_local_subchannel_pool", 1)]
            with grpc.secure_channel(f"localhost:{server.port}", credentials, options) as channel:
                try:
                    ExampleServiceStub(channel).CreateUser(CreateUserRequest(), timeout=PATIENCE)
                    calls.append(1)
                except grpc.RpcError as exc:
                    failures.append(str(exc))

    clients = [threading.Thread(target=connect_again_and_again, daemon=True) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    swaps = max(10, round(SWAPS * SHARE))
    for number in range(swaps):
        new_cert, new_key = pairs[(number + 1) % 2]
        put(cert, new_cert)
        time.sleep(0.02)  # In between, the two do not belong together, and the former pair is used.
        put(key, new_key)
        time.sleep(0.05)
    ended.set()
    for client in clients:
        client.join()
    kept = sum("The former certificates stay in use" in line["message"] for line in server.logged())
    report(f"{swaps} swaps, {len(calls)} connections, {len(failures)} failed; {kept} times the former pair was kept")
    assert failures == []
    assert calls


def test_wrong_certificates(rungrpc: Callable[..., RunGrpc], tmp_path: Path, report: Callable[[str], None]) -> None:
    for name in ("ours", "others"):
        (tmp_path / name).mkdir()
    ours, others = Authority(tmp_path / "ours"), Authority(tmp_path / "others")
    cert, key = ours.issue("localhost")
    server = rungrpc("--tls-cert", str(cert), "--tls-key", str(key), "--client-ca", str(ours.path))
    good, expired = ours.issue("good"), ours.issue("expired", ends=timedelta(hours=-1))

    def outcome(authority: Authority, pair: tuple[Path, Path] | None) -> str:
        own = [path.read_bytes() for path in reversed(pair)] if pair else []
        stub = ExampleServiceStub(server.channel(grpc.ssl_channel_credentials(authority.path.read_bytes(), *own)))
        try:
            stub.CreateUser(CreateUserRequest(), timeout=PATIENCE)
        except grpc.RpcError as exc:
            assert exc.code() is grpc.StatusCode.UNAVAILABLE
            return str(exc.details())
        return "OK"

    assert outcome(ours, good) == "OK"
    held = ExampleServiceStub(server.channel(grpc.ssl_channel_credentials(*_of(ours, good))))
    held.CreateUser(CreateUserRequest(), timeout=PATIENCE)
    for name, authority, pair in (
        ("a server of another authority", others, good),
        ("no certificate", ours, None),
        ("an expired certificate", ours, expired),
        ("a certificate of another authority", ours, others.issue("stranger")),
        ("the key of another certificate", ours, (good[0], expired[1])),
    ):
        details = outcome(authority, pair)
        report(f"{name}: UNAVAILABLE, {details}")
        assert details != "OK"
    held.CreateUser(CreateUserRequest(), timeout=PATIENCE)
    assert outcome(ours, good) == "OK"


def _of(authority: Authority, pair: tuple[Path, Path]) -> tuple[bytes, bytes, bytes]:
    return authority.path.read_bytes(), pair[1].read_bytes(), pair[0].read_bytes()
