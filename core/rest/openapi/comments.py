"""The comments of the `.proto` files, which the generated modules do not contain."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import grpc_tools
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)
from grpc_tools import protoc

Place = tuple[int, ...]

#: Directories of the third-party protos that ours import.
INCLUDED = (Path(annotations_pb2.__file__).parents[2], Path(grpc_tools.__file__).parent / "_proto")
_SYNTAX = FileDescriptorProto.SYNTAX_FIELD_NUMBER
_SERVICE = FileDescriptorProto.SERVICE_FIELD_NUMBER
_MESSAGE = FileDescriptorProto.MESSAGE_TYPE_FIELD_NUMBER
_ENUM = FileDescriptorProto.ENUM_TYPE_FIELD_NUMBER
_NESTED = DescriptorProto.NESTED_TYPE_FIELD_NUMBER
_NESTED_ENUM = DescriptorProto.ENUM_TYPE_FIELD_NUMBER
_FIELD = DescriptorProto.FIELD_FIELD_NUMBER
_METHOD = ServiceDescriptorProto.METHOD_FIELD_NUMBER
_VALUE = EnumDescriptorProto.VALUE_FIELD_NUMBER


def comments(proto_root: Path, include: Iterable[Path] = ()) -> dict[str, str]:
    """Return full name (of a package, service, rpc, message, field, enum or value) → comment, one line per paragraph.

    Args:
        include: further directories of imported protos.

    Raises:
        ValueError: the files under `proto_root` do not compile; protoc has printed the reason.
    """
    return {name: text for file in _compiled(proto_root, include) for name, text in _comments_of(file)}


def _compiled(proto_root: Path, include: Iterable[Path]) -> Iterable[FileDescriptorProto]:
    paths = sorted(str(path.relative_to(proto_root)) for path in proto_root.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "descriptors"
        includes = [f"-I{directory}" for directory in (proto_root, *include, *INCLUDED)]
        if protoc.main(["protoc", *includes, f"--descriptor_set_out={output}", "--include_source_info", *paths]):
            raise ValueError(f"The files under {proto_root} do not compile.")
        return FileDescriptorSet.FromString(output.read_bytes()).file


def _comments_of(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    names: dict[Place, str] = {(_SYNTAX,): file.package}
    for number, service in enumerate(file.service):
        names[_SERVICE, number] = name = f"{file.package}.{service.name}"
        names |= {(_SERVICE, number, _METHOD, at): f"{name}.{rpc.name}" for at, rpc in enumerate(service.method)}
    for number, message in enumerate(file.message_type):
        names |= _message_names(message, file.package, (_MESSAGE, number))
    for number, enum in enumerate(file.enum_type):
        names |= _enum_names(enum, file.package, (_ENUM, number))
    for location in file.source_code_info.location:
        place = tuple(location.path)
        if place in names and location.leading_comments:
            yield names[place], _paragraphs(location.leading_comments)


def _message_names(message: DescriptorProto, parent: str, place: Place) -> dict[Place, str]:
    name = f"{parent}.{message.name}"
    names = {place: name} | {(*place, _FIELD, at): f"{name}.{field.name}" for at, field in enumerate(message.field)}
    for at, nested in enumerate(message.nested_type):
        names |= _message_names(nested, name, (*place, _NESTED, at))
    for at, enum in enumerate(message.enum_type):
        names |= _enum_names(enum, name, (*place, _NESTED_ENUM, at))
    return names


def _enum_names(enum: EnumDescriptorProto, parent: str, place: Place) -> dict[Place, str]:
    name = f"{parent}.{enum.name}"
    return {place: name} | {(*place, _VALUE, at): f"{name}.{value.name}" for at, value in enumerate(enum.value)}


def _paragraphs(comment: str) -> str:
    lines = "\n".join(line.strip() for line in comment.strip().splitlines())
    return "\n\n".join(paragraph.replace("\n", " ") for paragraph in lines.split("\n\n"))
