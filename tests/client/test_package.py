"""The client as other projects have it: installed from its wheel, beside what the wheel declares, and nothing else."""

import ast
import os
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import google.protobuf
import grpc
import pytest
import typing_extensions

import tandem
from tests.support.client_server import Server
from tests.support.servers import ROOT

PACKAGE = Path(tandem.__file__).parent
#: What grpcio itself needs is among it.
NEEDED = (Path(grpc.__file__).parent, Path(google.protobuf.__file__).parents[1], Path(typing_extensions.__file__))

README = Path("clients/python/README.md")

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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from what a checkout has of it."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(PACKAGE, folder / "tandem", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / README).parent.mkdir(parents=True)
    shutil.copy(ROOT / README, folder / README)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--wheel-dir", folder / "made", folder], check=True)
    (built,) = (folder / "made").iterdir()
    return built


def test_wheel_holds_the_typed_client_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        stated = Parser().parsestr(archive.read(metadata).decode())
    assert (stated["Name"], stated["Version"]) == ("tandem-client", tandem.__version__)
    assert stated.get_payload() == (ROOT / README).read_text()
    assert {name.partition(">")[0] for name in stated.get_all("Requires-Dist", [])} == {
        "protobuf", "grpcio", "googleapis-common-protos",
    }  # fmt: skip
    assert {name.partition("/")[0] for name in names} == {"tandem", metadata.partition("/")[0]}
    shipped = {name for name in names if name.startswith("tandem/")}
    files = (
        path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*") if path.suffix in (".py", ".pyi", ".typed")
    )
    assert shipped == {str(path) for path in files}
    assert {"tandem/py.typed", "tandem/task/v1/task_pb2.pyi"} <= shipped


@pytest.mark.real_server
@pytest.mark.django_db
def test_package_works_without_the_server(server: Server, wheel: Path, tmp_path: Path) -> None:
    for needed in NEEDED:
        (tmp_path / needed.name).symlink_to(needed)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    # -S: nothing that is installed, but what stands in this folder.
    done = subprocess.run(
        [sys.executable, "-S", "-c", CALL, server.address],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.stdout.split(), done.stderr, done.returncode) == (["SnapshotEnd", "Alone"], "", 0)


@pytest.mark.parametrize(
    "path", sorted([*PACKAGE.glob("*.py"), *(PACKAGE / "client").rglob("*.py")]), ids=lambda path: path.name
)
def test_syntax_fits_the_oldest_supported_python(path: Path) -> None:
    text = path.read_text()
    ast.parse(text, feature_version=(3, 8))
    assert "from __future__ import annotations" in text or path.name == "__init__.py"
