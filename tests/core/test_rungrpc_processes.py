"""`manage.py rungrpc --processes`: they share a port, end together, and are replaced when they die or change."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tandem.example.v1.example_pb2 import CreateUserRequest
from tests.core.test_rungrpc import Start, running_call
from tests.support.rungrpc import PATIENCE, RunGrpc, rungrpc
from tests.support.servers import free_port, until

pytestmark = pytest.mark.real_server
__all__ = ["rungrpc"]  # A fixture.


def pids(server: RunGrpc, connections: int = 16) -> set[int]:
    """Return the processes that answer on this many new connections."""
    return {server.example.CreateUser(CreateUserRequest(), timeout=PATIENCE).user.id for _ in range(connections)}


def test_processes_share_the_port_and_end_together(rungrpc: Start) -> None:
    server = rungrpc("--processes", "2")
    server.stdout.wait_for("^Serving")
    answering = pids(server)
    assert len(answering) == 2
    assert server.process.pid not in answering
    call = running_call(server, milliseconds=1_000)
    os.killpg(server.process.pid, signal.SIGINT)  # As a terminal does: to the whole group.
    assert call.result(PATIENCE).user.id == 1_000
    assert server.exit_code() == 0
    until(lambda: not any(map(psutil.pid_exists, answering)), "the children are gone")


def test_a_process_that_dies_is_replaced(rungrpc: Start) -> None:
    server = rungrpc("--processes", "2")
    server.stdout.wait_for("^Serving")
    victim = min(pids(server))
    os.kill(victim, signal.SIGKILL)
    server.stdout.wait_for("^Serving")
    assert len(pids(server)) == 2
    assert victim not in pids(server)
    server.process.terminate()
    assert server.exit_code() == 0


def test_children_end_when_their_parent_is_killed(rungrpc: Start) -> None:
    server = rungrpc("--processes", "2")
    server.stdout.wait_for("^Serving")
    answering = pids(server)
    server.process.kill()
    until(lambda: not any(map(psutil.pid_exists, answering)), "the children are gone")


def test_failing_processes_are_not_restarted_for_ever(tmp_path: Path) -> None:
    server = RunGrpc("--processes", "2", "--tls-cert", "no.pem", "--tls-key", "no.pem")
    assert server.exit_code() == 1
    assert "no.pem cannot be read" in server.stderr.all()


def test_a_second_signal_ends_the_children_at_once_too(rungrpc: Start) -> None:
    server = rungrpc("--processes", "2")
    server.stdout.wait_for("^Serving")
    # Kept: grpcio cancels a call without references, and the children would have nothing left to wait for.
    call = running_call(server, milliseconds=60_000)
    server.process.terminate()
    server.stderr.wait_for("draining")
    server.stderr.wait_for("draining")
    server.process.terminate()
    assert server.exit_code() == 128 + signal.SIGTERM
    assert call.exception(PATIENCE) is not None


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Path]:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    yield package


def test_a_change_of_the_source_starts_it_again(rungrpc: Start, watched: Path) -> None:
    server = rungrpc("--reload", "--port", str(free_port()), WATCHED_SOURCE=str(watched.parent))
    before = pids(server, connections=1)
    (watched / "notes.txt").write_text("no source")
    (watched / "module.py").write_text("NUMBER = 1\n")
    server.stdout.wait_for("^Serving")
    after = pids(server, connections=1)
    assert before != after
    server.process.terminate()
    assert server.exit_code() == 0
