"""The contracts keep what the published ones promised, word for word."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet

from tandem.common.v1 import common_pb2
from tandem.example.v1 import example_pb2
from tandem.task.v1 import task_pb2
from tandem.user.v1 import user_pb2

PUBLISHED = Path(__file__).parent / "published"

# What is published and not delivered yet, by reason: nothing.
NOT_YET: dict[str, set[str]] = {}

# What we added to a published contract.
ADDED: dict[str, set[str]] = {
    "many users at once": {"user.v1.UserService.BatchGetUsers", "user.v1.BatchGetUsersRequest",
                           "user.v1.BatchGetUsersResponse"},
    "users from elsewhere": {"user.v1.UserService.BulkImportUsers", "user.v1.BulkImportUsersRequest",
                             "user.v1.BulkImportUsersResponse", "user.v1.ImportError"},
    "projects of tasks": {f"taskservice.{name}.project_id" for name in (
        "Task", "CreateTaskRequest", "UpdateTaskRequest", "ListTasksRequest", "WatchTasksRequest")},
    "many changes of tasks at once": {"taskservice.TaskService.BulkUpdateTasks", "taskservice.BulkUpdateResponse"},
    "ranks of tasks": {f"taskservice.{name}.rank" for name in ("Task", "CreateTaskRequest", "UpdateTaskRequest")},
    "versions and masks of tasks": {"taskservice.Task.version", "taskservice.UpdateTaskRequest.update_mask",
                                    "taskservice.UpdateTaskRequest.version", "taskservice.DeleteTaskRequest.version"},
    "repeated writes of tasks": {"taskservice.CreateTaskRequest.id", "taskservice.CreateTaskRequest.request_id",
                                 "taskservice.UpdateTaskRequest.request_id",
                                 "taskservice.DeleteTaskRequest.request_id"},
    "more of a task": {"taskservice.Task.completed_at", "taskservice.Task.source"},
    "more ways to look at tasks": {"taskservice.ListTasksRequest.query", "taskservice.ListTasksRequest.created_by",
                                   "taskservice.ListTasksRequest.due", "taskservice.TaskService.GetTaskStats",
                                   "taskservice.GetTaskStatsRequest", "taskservice.TaskStats"},
    "a watch that resumes": {"taskservice.WatchTasksRequest.cursor", "taskservice.WatchTasksRequest.bookmarks",
                             "taskservice.TaskEvent.cursor", "taskservice.TaskEvent.left_view",
                             "taskservice.EventType.EVENT_TYPE_BOOKMARK",
                             "taskservice.EventType.EVENT_TYPE_SNAPSHOT_END"},
    "what a stream's items came to": {"taskservice.BulkCreateResponse.committed_through", "taskservice.BulkError.code",
                                      "taskservice.BulkError.field_violations", "taskservice.TaskCommand.command_id",
                                      "taskservice.TaskResult.command_id", "taskservice.TaskResult.code"},
}  # fmt: skip


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    # Only as descriptors, and by another process: beside our stubs the same symbols could not be loaded twice.
    compiled = tmp_path_factory.mktemp("published") / "descriptors"
    protos = sorted(path.name for path in PUBLISHED.glob("*.proto"))
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PUBLISHED}", f"--descriptor_set_out={compiled}", *protos]
    subprocess.run(protoc, check=True)
    return dict(facts(FileDescriptorSet.FromString(compiled.read_bytes()).file))


@pytest.fixture(scope="module")
def ours() -> dict[str, object]:
    files = []
    for stubs in (common_pb2, user_pb2, example_pb2, task_pb2):
        file = FileDescriptorProto()
        stubs.DESCRIPTOR.CopyToProto(file)
        files.append(file)
    return dict(facts(files))


def test_delivered_parts_match_the_published_contracts(published: dict[str, object], ours: dict[str, object]) -> None:
    delivered = published.keys() & ours.keys()
    assert {name: ours[name] for name in delivered} == {name: published[name] for name in delivered}


def test_missing_parts_are_listed_with_a_reason(published: dict[str, object], ours: dict[str, object]) -> None:
    listed = set().union(*NOT_YET.values())
    assert published.keys() - ours.keys() == _covered(listed, published)
    assert listed <= published.keys(), "a listed name is not published"


def test_added_parts_are_listed(published: dict[str, object], ours: dict[str, object]) -> None:
    added = ours.keys() - published.keys()
    assert added == _covered(set().union(*ADDED.values()), ours)


def _covered(listed: set[str], facts: dict[str, object]) -> set[str]:
    """Return the listed names and everything within them."""
    return {name for name in facts if any(name == entry or name.startswith(f"{entry}.") for entry in listed)}


def facts(files: Iterable[FileDescriptorProto]) -> Iterator[tuple[str, object]]:
    """Full name of everything that these files define, with all that makes a difference on the wire or in a client."""
    for file in files:
        for message in file.message_type:
            yield from _message_facts(file.package, message)
        for enum in file.enum_type:
            yield from _enum_facts(file.package, enum)
        for service in file.service:
            for rpc in service.method:
                kind = (rpc.client_streaming, rpc.server_streaming)
                yield f"{file.package}.{service.name}.{rpc.name}", (rpc.input_type, rpc.output_type, *kind)


def _message_facts(scope: str, message: DescriptorProto) -> Iterator[tuple[str, object]]:
    name = f"{scope}.{message.name}"
    yield name, "map entry" if message.options.map_entry else "message"
    for field in message.field:
        oneof = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else None
        type_ = (field.Type.Name(field.type), field.type_name, field.Label.Name(field.label))
        yield f"{name}.{field.name}", (field.number, *type_, oneof)
    for nested in message.nested_type:
        yield from _message_facts(name, nested)
    for enum in message.enum_type:
        yield from _enum_facts(name, enum)


def _enum_facts(scope: str, enum: EnumDescriptorProto) -> Iterator[tuple[str, object]]:
    yield f"{scope}.{enum.name}", "enum"
    for value in enum.value:
        yield f"{scope}.{enum.name}.{value.name}", value.number
