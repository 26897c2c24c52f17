"""Processes that use an embedded PostgreSQL, and ways to kill it."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import psycopg2
import pytest

from embedded_postgres.cluster import Cluster
from tests.support.servers import ROOT, until

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as another user")

USER_PROGRAM = """
import json, sys
from pathlib import Path
from embedded_postgres.lifecycle import ensure_running

print(json.dumps(ensure_running(Path(sys.argv[1]), durable=False)), flush=True)
sys.stdin.read()
"""


class ClusterUser:
    """A process that uses the server until it leaves or is killed."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER_PROGRAM, str(data_dir)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.leave()

    def server(self) -> dict[str, Any]:
        """Wait for the result of `ensure_running`."""
        assert self.process.stdout
        return dict(json.loads(self.process.stdout.readline()))

    def leave(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()

    def kill(self) -> None:
        self.process.kill()
        self.leave()


def cluster_of(data_dir: Path) -> Cluster:
    return Cluster((data_dir / "postgres").resolve())


def postmaster_pid(data_dir: Path) -> int | None:
    found = cluster_of(data_dir).postmaster()
    return found.pid if found else None


def kill_server(data_dir: Path) -> None:
    """Kill all its processes: one that is left may answer one more query."""
    server = psutil.Process(postmaster_pid(data_dir))
    kill(server, *server.children())


def kill(*processes: psutil.Process) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    until(lambda: not any(is_alive(process) for process in processes))


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def query(server: dict[str, Any], sql: str) -> Any:
    connection = psycopg2.connect(host=server["HOST"], port=server["PORT"], user=server["USER"], dbname=server["NAME"])
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone() if cursor.description else None
    finally:
        connection.close()


@contextlib.contextmanager
def never_ready(data_dir: Path) -> Iterator[None]:
    """Replace the server by a process that looks like one that never finishes its start."""
    data = data_dir / "postgres/data"
    starting = subprocess.Popen(["sleep", "600"], cwd=data)
    pid_file = data / "postmaster.pid"
    with cluster_of(data_dir).exclusively():
        if postmaster_pid(data_dir):
            kill_server(data_dir)
        pid_file.write_text(f"{starting.pid}\n{data}\n")
    try:
        yield
    finally:
        pid_file.unlink()
        starting.kill()
        starting.wait()
