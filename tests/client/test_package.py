"""The client as other projects have it: beside grpcio, protobuf and googleapis-common-protos, and nothing else."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import google.protobuf
import grpc
import pytest
import typing_extensions

import tandem
from tests.support.client_server import Server

PACKAGE = Path(tandem.__file__).parent
#: What grpcio itself needs is among it.
NEEDED = (Path(grpc.__file__).parent, Path(google.protobuf.__file__).parents[1], Path(typing_extensions.__file__))

CALL = """
import importlib.util, sys
assert importlib.util.find_spec("django") is None
from tandem.client import Client
from tandem.task.v1.task_pb2 import CreateTaskRequest
with Client(sys.argv[1]) as client, client.watch_tasks(include_initial=True, labels=["alone"]) as watch:
    print(type(next(watch)).__name__)
    client.tasks.CreateTask(CreateTaskRequest(title="Alone", labels=["alone"]))
    print(next(watch).task.title)
"""


@pytest.mark.real_server
@pytest.mark.django_db
def test_package_works_without_the_server(server: Server, tmp_path: Path) -> None:
    for needed in (*NEEDED, PACKAGE):
        (tmp_path / needed.name).symlink_to(needed)
    # -S: nothing that is installed, but what stands in this folder.
    done = subprocess.run(
        [sys.executable, "-S", "-c", CALL, server.address],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.stdout.split(), done.stderr, done.returncode) == (["SnapshotEnd", "Alone"], "", 0)


@pytest.mark.parametrize(
    "path", sorted([*PACKAGE.glob("*.py"), *(PACKAGE / "client").glob("*.py")]), ids=lambda path: path.name
)
def test_syntax_fits_the_oldest_supported_python(path: Path) -> None:
    text = path.read_text()
    ast.parse(text, feature_version=(3, 8))
    assert "from __future__ import annotations" in text or path.name == "__init__.py"
