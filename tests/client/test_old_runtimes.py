"""The client where other projects run it: old protobuf and grpcio, and protobuf in pure Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.client_server import Server
from tests.support.python_packages import pip_install
from tests.support.servers import ROOT
from tests.support.tools import PACKAGE_INDEX

# `django_db` has the database made that the fixture `server` uses.
pytestmark = [pytest.mark.real_server, pytest.mark.django_db]

#: As old as pyproject.toml allows; this protobuf has no binary for Python 3.11, and so is pure Python.
OLD = ["protobuf==3.20.3", "grpcio==1.49.1", "googleapis-common-protos==1.57.0"]
#: Made once, and kept for the next run.
ENVIRONMENT = ROOT / "var" / "test" / "environments" / "protobuf-3.20.3-grpcio-1.49.1"

USE = """
import asyncio, importlib, pkgutil, sys, threading, uuid
import google.protobuf, grpc
from google.protobuf.internal import api_implementation

import tandem
for module in pkgutil.walk_packages(tandem.__path__, "tandem."):
    importlib.import_module(module.name)

from tandem.client import AsyncClient, Client, NotFound
from tandem.task.v1 import task_pb2

title = str(uuid.uuid4())
with Client(sys.argv[1]) as client:
    with client.watch_tasks(include_initial=True) as stream:
        events = iter(stream)
        made = client.tasks.CreateTask(task_pb2.CreateTaskRequest(title=title))
        seen = next(event for event in events if getattr(event, "task", made).id == made.id and hasattr(event, "task"))
    found = client.tasks.GetTask(task_pb2.GetTaskRequest(id=made.id))
assert seen.task.title == found.title == title


async def the_same():
    async with AsyncClient(sys.argv[1]) as client:
        async with client.watch_tasks(include_initial=True) as stream:
            made = await client.tasks.CreateTask(task_pb2.CreateTaskRequest(title=title))
            async for event in stream:
                if getattr(event, "task", None) == made:
                    break
        async for answer in client.tasks.ProcessTaskStream([task_pb2.TaskCommand(get={"id": made.id})]):
            assert answer.task == made
        try:
            await client.tasks.GetTask(task_pb2.GetTaskRequest(id="none"))
        except NotFound:
            return


asyncio.run(the_same())
print(api_implementation.Type(), google.protobuf.__version__, grpc.__version__)
"""


@pytest.fixture(scope="module")
def old_python() -> Path:
    """The interpreter of an environment with the oldest releases that the package takes."""
    python = ENVIRONMENT / "bin" / "python"
    complete = ENVIRONMENT / "complete"
    if not complete.exists():
        subprocess.run(["python3.11", "-m", "venv", "--clear", "--without-pip", ENVIRONMENT], check=True)
        pip_install(*OLD, python=python)
        complete.touch()
    return python


def use(python: Path | str, server: Server, **environment: str) -> list[str]:
    done = subprocess.run(
        [python, "-W", "ignore", "-c", USE, server.address],
        cwd=ROOT.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "Exception ignored" not in done.stderr
    return done.stdout.split()


@pytest.mark.tools("python3.11", PACKAGE_INDEX)
def test_client_works_with_the_oldest_releases(server: Server, old_python: Path) -> None:
    assert use(old_python, server) == ["python", "3.20.3", "1.49.1"]


def test_client_works_with_protobuf_in_pure_python(server: Server) -> None:
    kind, *_ = use(sys.executable, server, PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION="python")
    assert kind == "python"
