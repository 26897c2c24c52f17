"""The stubs in `tandem/` match the protos, and with the client they are a package that others can install."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import tandem

PROJECT = Path(__file__).resolve().parents[2]
GENERATE = PROJECT / "scripts" / "generate_grpc_stubs.sh"
WRITE = PROJECT / "scripts" / "write_stubs.py"

# A module that carries the stamp of a release fails beside an older one. The second round pretends to be as old as the
# package allows; Google's own modules, which are loaded by then, would not bear it.
LOAD_ALL_BESIDE_OLD_RELEASES = """
import importlib, pkgutil, sys
import google.protobuf, google.protobuf.runtime_version as runtime, grpc

def load_all():
    import tandem
    for module in pkgutil.walk_packages(tandem.__path__, "tandem."):
        importlib.import_module(module.name)

load_all()
for name in [name for name in sys.modules if name.partition(".")[0] == "tandem"]:
    del sys.modules[name]
google.protobuf.__version__, runtime.MAJOR, runtime.MINOR, grpc.__version__ = "3.20.2", 3, 20, "1.49.1"
load_all()
print(*(name for name in sys.modules if name.partition(".")[0] == "tandem"))
"""

EVERY_KIND = """
syntax = "proto3";
package kinds.v1;
import "kinds/v1/number.proto";
// A service with
// "everything" in \\ it.
service Kinds {
  // Unary.
  rpc Double(Number) returns (Number);
  rpc Add(stream Number) returns (Number);
  rpc Count(Number) returns (stream Number);
  rpc Each(stream Number) returns (stream Number);
}
"""
NUMBER = """
syntax = "proto3";
package kinds.v1;
message Number {
  int32 value = 1;
}
"""
CALL_EVERY_KIND = """
from concurrent.futures import ThreadPoolExecutor
import grpc
from kinds.v1.kinds_pb2_grpc import KindsServicer, KindsStub, add_KindsServicer_to_server
from kinds.v1.number_pb2 import Number

class Servicer(KindsServicer):
    def Double(self, request, context):
        return Number(value=request.value * 2)
    def Add(self, request_iterator, context):
        return Number(value=sum(number.value for number in request_iterator))
    def Count(self, request, context):
        return (Number(value=value) for value in range(request.value))

server = grpc.server(ThreadPoolExecutor(2))
add_KindsServicer_to_server(Servicer(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
two = Number(value=2)
with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    kinds = KindsStub(channel)
    print(kinds.Double(two, timeout=10).value)
    print(kinds.Add(iter([two, two, two]), timeout=10).value)
    print([number.value for number in kinds.Count(two, timeout=10)])
    try:
        list(kinds.Each(iter([two]), timeout=10))
    except grpc.RpcError as error:
        print(error.code().name)
server.stop(None).wait()
"""

PRINT_DOCUMENTATION = """
from kinds.v1.kinds_pb2_grpc import KindsServicer, KindsStub
print(KindsStub.__doc__, KindsServicer.Double.__doc__)
"""


def test_stubs_match_the_protos(tmp_path: Path) -> None:
    generate(tmp_path)
    committed, generated = files_below(PROJECT / "tandem"), files_below(tmp_path / "tandem")
    by_hand = {"__init__.py", "py.typed", "keepalive.py", "status_details.py"}
    by_hand |= {path for path in committed if path.startswith("client/")}
    assert committed.keys() - by_hand == generated.keys()
    drifted = [path for path, content in generated.items() if committed[path] != content]
    assert not drifted, "these differ from proto/: run scripts/generate_grpc_stubs.sh"


def test_generating_writes_into_the_given_directory_only(tmp_path: Path) -> None:
    before = files_below(PROJECT / "tandem") | files_below(PROJECT / "proto")
    generate(tmp_path / "made" / "here")
    assert [path.name for path in (tmp_path / "made" / "here").iterdir()] == ["tandem"]
    assert files_below(PROJECT / "tandem") | files_below(PROJECT / "proto") == before


def test_stubs_load_beside_old_releases() -> None:
    loaded = run_python(LOAD_ALL_BESIDE_OLD_RELEASES, path=PROJECT).split()
    assert {"tandem.user.v1.user_pb2", "tandem.user.v1.user_pb2_grpc", "tandem.client"} < set(loaded)


def test_every_kind_of_rpc_can_be_called(tmp_path: Path) -> None:
    protos = tmp_path / "proto"
    (protos / "kinds" / "v1").mkdir(parents=True)
    (protos / "kinds" / "v1" / "kinds.proto").write_text(EVERY_KIND)
    (protos / "kinds" / "v1" / "number.proto").write_text(NUMBER)
    names = ["kinds/v1/kinds.proto", "kinds/v1/number.proto"]
    compiled = tmp_path / "descriptors"
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{protos}", f"--descriptor_set_out={compiled}"]
    subprocess.run([*protoc, "--include_imports", "--include_source_info", *names], check=True)
    subprocess.run([sys.executable, WRITE, compiled, tmp_path / "out", *names], check=True)

    assert run_python(CALL_EVERY_KIND, path=tmp_path / "out").splitlines() == ["4", "6", "[0, 1]", "UNIMPLEMENTED"]
    documentation = run_python(PRINT_DOCUMENTATION, path=tmp_path / "out")
    assert " ".join(documentation.split()) == 'A service with "everything" in \\ it. Unary.'


def test_the_package_holds_stubs_and_client_and_nothing_else(tmp_path: Path) -> None:
    # A copy, because building leaves its own files beside the sources.
    source = tmp_path / "source"
    unneeded = shutil.ignore_patterns(".*", "var", "node_modules", "build", "*.egg-info", "__pycache__")
    shutil.copytree(PROJECT, source, ignore=unneeded)
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*wheel, "--wheel-dir", tmp_path, source], check=True)

    (built,) = tmp_path.glob("*.whl")
    assert built.name == f"tandem_client-{tandem.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(built) as archive:
        packaged = {name.removeprefix("tandem/") for name in archive.namelist() if ".dist-info/" not in name}
    assert packaged == files_below(PROJECT / "tandem").keys()
    assert {"py.typed", "user/v1/user_pb2.pyi", "client/client.py"} < packaged


def generate(output: Path) -> None:
    subprocess.run([GENERATE, output], check=True, env=os.environ | {"PYTHON": sys.executable})


def run_python(code: str, path: Path) -> str:
    """Run code by itself, with `path` first on its import path, and return its output."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, cwd=path).stdout


def files_below(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
