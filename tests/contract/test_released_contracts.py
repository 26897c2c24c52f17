"""`proto/released.binpb`: every contract is in it, guarded against breaks, and good enough to call a server with."""

import json
import subprocess
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from tests.support.servers import ROOT, Servers
from tests.support.tools import path_of

RELEASED = ROOT / "proto" / "released.binpb"
RENEW = "renew it: scripts/build_proto_image.sh proto/released.binpb"


@pytest.fixture(scope="module")
def released() -> FileDescriptorSet:
    return FileDescriptorSet.FromString(RELEASED.read_bytes())


def test_every_contract_is_in_it(released: FileDescriptorSet) -> None:
    ours = {path.relative_to(ROOT / "proto").as_posix() for path in (ROOT / "proto").rglob("*.proto")}
    assert ours - {file.name for file in released.file} == set(), RENEW


def test_every_served_rpc_is_in_it(released: FileDescriptorSet) -> None:
    known = {
        f"{file.package}.{service.name}.{method.name}"
        for file in released.file
        for service in file.service
        for method in service.method
    }
    services = import_module(settings.ROOT_RPCCONF).services
    served = {operation.method.full_name for service in services for operation in service.operations}
    assert served - known == set(), RENEW


def broken_task(file: FileDescriptorProto) -> None:
    task = next(message for message in file.message_type if message.name == "Task")
    task.field.remove(next(field for field in task.field if field.name == "created_by"))


def broken_meeting(file: FileDescriptorProto) -> None:
    service = file.service[0]
    del service.method[0]


def broken_change(file: FileDescriptorProto) -> None:
    file.message_type[0].field[0].number = 99


@pytest.mark.tools("buf")
@pytest.mark.parametrize(
    ("contract", "break_it"),
    [
        ("tandem/task/v1/task.proto", broken_task),
        ("tandem/meeting/v1/meeting.proto", broken_meeting),
        ("tandem/change/v1/change.proto", broken_change),
    ],
)
def test_break_of_any_contract_is_found(
    released: FileDescriptorSet, tmp_path: Path, contract: str, break_it: object
) -> None:
    current = FileDescriptorSet.FromString(released.SerializeToString())
    assert breaking(current, tmp_path) == 0
    break_it(next(file for file in current.file if file.name == contract))  # type: ignore[operator]
    assert breaking(current, tmp_path) != 0


def breaking(image: FileDescriptorSet, folder: Path) -> int:
    """Return the exit code of the comparison that scripts/check.sh makes."""
    changed = folder / "contracts.binpb"
    changed.write_bytes(image.SerializeToString())
    buf = path_of("buf")
    assert buf
    command = [buf, "breaking", changed, "--against", RELEASED, "--config", ROOT / "buf.yaml"]
    return subprocess.run(command, capture_output=True, check=False, cwd=ROOT).returncode


@pytest.mark.real_server
@pytest.mark.tools("buf")
@pytest.mark.parametrize("servers", [{"GRPC_REFLECTION": "false"}], indirect=True)
@pytest.mark.parametrize(
    ("method", "key"),
    [
        ("taskservice.TaskService/ListTasks", "totalCount"),
        ("meeting.v1.MeetingService/ListMeetings", "pagination"),
        ("change.v1.ChangeService/ListChanges", "nextCursor"),
        ("user.v1.UserService/GetUser", "user"),
    ],
)
def test_a_server_without_reflection_is_called_with_it(servers: Servers, method: str, key: str) -> None:
    buf = path_of("buf")
    assert buf
    request = '{"user_id": "me"}' if "GetUser" in method else "{}"
    call = [buf, "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--schema", RELEASED, "--data", request]
    done = subprocess.run(
        [*call, f"http://{servers.grpc_address}/{method}"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert key in answer
